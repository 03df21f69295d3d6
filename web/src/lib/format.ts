// Numbers and times as people read them. Pure: the present is an argument.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `840 ms`, `3.2 s`, `2 min 5 s`, `3 h 10 min`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return two(whole, MINUTE, "min", 1, "s");
  if (whole < 2 * DAY) return two(whole, HOUR, "h", MINUTE, "min");
  return two(whole, DAY, "d", HOUR, "h");
}

function two(s: number, big: number, bigName: string, small: number, smallName: string): string {
  const first = Math.floor(s / big);
  const rest = Math.floor((s % big) / small);
  return rest > 0 ? `${first} ${bigName} ${rest} ${smallName}` : `${first} ${bigName}`;
}

/** `just now`, `12 s ago`, `5 min ago`, `in 3 h`; a date after a month. */
export function ago(at: string, now: number): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return at;
  const s = Math.round((now - then) / 1000);
  if (Math.abs(s) > 30 * DAY) return at.slice(0, 10);
  const size = Math.abs(s);
  if (size < 5) return "just now";
  const text =
    size < MINUTE
      ? `${size} s`
      : size < HOUR
        ? `${Math.floor(size / MINUTE)} min`
        : size < 2 * DAY
          ? `${Math.floor(size / HOUR)} h`
          : `${Math.floor(size / DAY)} d`;
  return s >= 0 ? `${text} ago` : `in ${text}`;
}

/** UTC to the second: `2026-01-31 12:00:00 UTC`. */
export function utc(at: string): string {
  const then = new Date(at);
  if (Number.isNaN(then.getTime())) return at;
  return `${then.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Time of day with milliseconds, UTC. */
export function clock(at: string): string {
  return at.length >= 23 ? at.slice(11, 23).replace("Z", "") : at.slice(11, 19);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `512 MiB`, `1.5 GiB`. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Processors from thousandths: `0.5`, `2`. */
export function cpus(millis: number): string {
  return String(Number((millis / 1000).toFixed(2)));
}

/** `1 instance`, `3 instances`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${number(n)} ${n === 1 ? one : many}`;
}

/** `18 412`: a thin space between thousands. */
export function number(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** A share of one: `99.95 %`. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "–";
  const share = (100 * part) / whole;
  return `${share === 0 || share === 100 ? share : share.toFixed(share < 1 || share > 99 ? 2 : 1)} %`;
}

/** A sentence with its times to the second: `until 2026-01-31T12:00:00.141984Z` is `until 12:00:00 UTC`. */
export function plainTimes(text: string): string {
  return text.replace(/\d{4}-\d{2}-\d{2}T(\d{2}:\d{2}:\d{2})(\.\d+)?Z/g, "$1 UTC");
}
