// What stops deployments at a moment: locks and freeze windows. Pure. It explains beforehand; the server decides.
// A week's window is reckoned in its own time zone by the clock on the wall there, so that it may be an hour off on
// the two days of a year on which that clock is put on or back.

import type { FreezeWindow, Lock } from "@segue/client";
import { utc } from "./format";

/** Why nothing is deployed. */
export interface Hold {
  what: "locked" | "frozen";
  by: string;
  reason: string;
  /** Missing: until somebody takes it away. */
  until?: string;
  /** For the whole app, not one environment. */
  whole: boolean;
}

const DAY = 24 * 60;
const WEEK = 7 * DAY;
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** The minute of the week in a time zone, Monday 0:00 is 0; `undefined`: the zone is not known here. */
export function minuteOfWeek(zone: string, now: number): number | undefined {
  try {
    const parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    }).formatToParts(now);
    const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
    const day = DAYS.indexOf(part("weekday"));
    if (day < 0) return undefined;
    return day * DAY + Number(part("hour")) * 60 + Number(part("minute"));
  } catch {
    return undefined;
  }
}

/** When the window that `now` is in ends; `undefined`: it is in none. */
export function windowEnd(window: FreezeWindow, now: number): string | undefined {
  if (window.starts_at && window.ends_at) {
    const inside = Date.parse(window.starts_at) <= now && now < Date.parse(window.ends_at);
    return inside ? window.ends_at : undefined;
  }
  const { days, from, minutes } = window;
  if (!days || !from || !minutes) return undefined;
  const at = minuteOfWeek(window.time_zone, now);
  if (at === undefined) return undefined;
  const [hour = 0, minute = 0] = from.split(":").map(Number);
  const left = days
    .map((day) => (at - ((day - 1) * DAY + hour * 60 + minute) + WEEK) % WEEK)
    .filter((since) => since < minutes)
    .map((since) => minutes - since);
  if (left.length === 0) return undefined;
  return new Date(Math.floor(now / 60_000) * 60_000 + Math.max(...left) * 60_000).toISOString();
}

/** What stops deployments to an environment (by id) now; without one, to the whole app. */
export function holdNow(
  env: string | undefined,
  locks: readonly Lock[],
  windows: readonly FreezeWindow[],
  now: number,
): Hold | undefined {
  const here = (one: { environment?: string }) => !one.environment || one.environment === env;
  const lock = locks.find((one) => here(one) && !(one.until && Date.parse(one.until) <= now));
  if (lock) {
    const { created_by: by, reason, until, environment } = lock;
    return { what: "locked", by, reason, until, whole: !environment };
  }
  for (const one of windows) {
    const until = here(one) ? windowEnd(one, now) : undefined;
    if (until) {
      const { created_by: by, reason, environment } = one;
      return { what: "frozen", by, reason, until, whole: !environment };
    }
  }
  return undefined;
}

/** `Locked by ada because “a migration runs”, until 2026-01-31 12:00:00 UTC.` */
export function holdSentence(hold: Hold): string {
  const word = hold.what === "locked" ? "Locked" : "Frozen";
  const end = hold.until ? `, until ${utc(hold.until)}` : "";
  return `${word} by ${hold.by} because “${hold.reason}”${end}.`;
}

const LONG = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** A day of the week by its number, 1 is Monday. */
export function dayName(day: number): string {
  return LONG[day - 1] ?? String(day);
}

/** When a window is, in words. */
export function windowWords(window: FreezeWindow): string {
  if (window.starts_at && window.ends_at) {
    return `once, ${utc(window.starts_at)} to ${utc(window.ends_at)}`;
  }
  const days = (window.days ?? []).map(dayName).join(", ");
  const minutes = window.minutes ?? 0;
  const long = minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
  return `every week, ${days} from ${window.from} for ${long} (${window.time_zone})`;
}
