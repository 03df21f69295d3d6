// Changes of a configuration that are not saved yet, and what others did meanwhile. Pure.

/** Values by key. */
export type Values = Record<string, string>;

/** What somebody wants to be other; `null` removes. */
export type Patch = Record<string, string | null>;

/** One difference between two configurations. */
export interface Change {
  key: string;
  before?: string;
  after?: string;
}

/** What is other in `after`, by key. */
export function difference(before: Values, after: Values): Change[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys
    .filter((key) => before[key] !== after[key])
    .map((key) => ({ key, before: before[key], after: after[key] }));
}

/** The configuration with the changes in it. */
export function applied(values: Values, patch: Patch): Values {
  const result: Values = { ...values };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = value;
  }
  return result;
}

/** The changes that still change something. */
export function effective(values: Values, patch: Patch): Patch {
  return Object.fromEntries(
    Object.entries(patch).filter(([key, value]) =>
      value === null ? key in values : values[key] !== value,
    ),
  );
}

/** What others changed since, split into keys that we change too and keys that we do not. */
export function meanwhile(
  base: Values,
  now: Values,
  patch: Patch,
): { clashes: Change[]; others: Change[] } {
  const changes = difference(base, now);
  const mine = (change: Change) =>
    change.key in patch && (patch[change.key] ?? undefined) !== change.after;
  return { clashes: changes.filter(mine), others: changes.filter((change) => !mine(change)) };
}

/** In which version a key got its value, and by whom; versions newest first. */
export function origin<
  V extends { values: Values; created_by?: string; created_at?: string; version: number },
>(versions: readonly V[], key: string): V | undefined {
  const [newest] = versions;
  if (!newest || !(key in newest.values)) return undefined;
  let found = newest;
  for (const version of versions) {
    if (version.values[key] !== newest.values[key]) break;
    found = version;
  }
  return found;
}
