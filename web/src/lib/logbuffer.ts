// Lines of a log in memory: bounded, and told about at most once per frame. Knows nothing of the page.

import type { LogLine } from "@segue/client";

/** Lines kept; above that the oldest go. */
export const MOST_LINES = 200_000;

/** A growing list that a component can follow. */
export class LogBuffer {
  /** The same array as long as nothing was thrown away; `version` says that it has grown. */
  lines: LogLine[] = [];
  version = 0;
  /** Lines thrown away at the front. */
  dropped = 0;
  readonly #most: number;
  readonly #listeners = new Set<() => void>();
  #waiting = false;

  constructor(most = MOST_LINES) {
    this.#most = most;
  }

  /** Adds lines behind the others. */
  add(lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    for (const line of lines) this.lines.push(line);
    // Thrown away in large pieces, so that a busy log does not move everything for each line.
    if (this.lines.length > this.#most * 1.1) {
      const over = this.lines.length - this.#most;
      this.lines = this.lines.slice(over);
      this.dropped += over;
    }
    this.#tell();
  }

  /** Begins anew. */
  clear(): void {
    this.lines = [];
    this.dropped = 0;
    this.#tell();
  }

  #tell(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.version += 1;
      for (const listener of this.#listeners) listener();
    });
  }

  /** For `useSyncExternalStore`. */
  readonly subscribe = (tell: () => void): (() => void) => {
    this.#listeners.add(tell);
    return () => this.#listeners.delete(tell);
  };

  /** For `useSyncExternalStore`. */
  readonly snapshot = (): number => this.version;
}

/** Names a line in an address: when it was written and by which instance. */
export interface LineName {
  at: string;
  instance?: string;
}

/** Where a named line is; -1: not among these. */
export function findLine(lines: readonly LogLine[], name: LineName): number {
  return lines.findIndex(
    (line) =>
      line.at === name.at && (name.instance === undefined || line.instance === name.instance),
  );
}

const AGE: Record<string, number> = { "10m": 600, "1h": 3600, "6h": 6 * 3600, "24h": 24 * 3600 };

/** The moment that a word like `1h` or a time names, for the API. */
export function sinceTime(since: string, now: number): string | undefined {
  const seconds = AGE[since];
  if (seconds !== undefined) return new Date(now - seconds * 1000).toISOString();
  return Number.isNaN(Date.parse(since)) ? undefined : since;
}
