// What people call the program behind a User-Agent. Pure, and only for reading: nothing is decided by it.

const NAMES: readonly [RegExp, string][] = [
  [/\bEdg\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\//, "Firefox"],
  [/\b(Headless)?Chrome\//, "Chrome"],
  [/\bSafari\//, "Safari"],
  [/^curl\//, "curl"],
  [/^segue\//i, "Segue’s command line"],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/\bAndroid\b/, "Android"],
  [/\b(iPhone|iPad)\b/, "iOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bLinux\b/, "Linux"],
];

/** `Firefox on Linux`; the text itself, shortened, if it is not known. */
export function browserName(agent: string): string {
  const name = NAMES.find(([pattern]) => pattern.test(agent))?.[1];
  if (!name) return agent === "" ? "not known" : agent.slice(0, 60);
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  return system ? `${name} on ${system}` : name;
}
