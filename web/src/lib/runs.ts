// How a one-off run is, in words. Pure.

import type { Run } from "@segue/client";
import type { Tone } from "../components/Status";

const STATES: Record<string, { tone: Tone; word: string }> = {
  queued: { tone: "busy", word: "waiting" },
  scheduled: { tone: "busy", word: "being made" },
  running: { tone: "busy", word: "running" },
  succeeded: { tone: "ok", word: "done" },
  failed: { tone: "bad", word: "failed" },
  timed_out: { tone: "bad", word: "stopped by its time limit" },
  cancelled: { tone: "idle", word: "cancelled" },
  unknown: { tone: "warn", word: "its end was not seen" },
};

/** One word of its state, with what it ended with. */
export function runVerdict(run: Run): { tone: Tone; word: string } {
  if (run.oom) return { tone: "bad", word: "out of memory" };
  const { tone, word } = STATES[run.state] ?? { tone: "idle", word: run.state };
  if (run.cancel_requested && !run.finished) return { tone: "busy", word: "being stopped" };
  return run.state === "failed" && run.exit_code !== undefined
    ? { tone, word: `exited ${run.exit_code}` }
    : { tone, word };
}

/** Arguments as one would type them. */
export function typed(command: readonly string[]): string {
  return command
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}
