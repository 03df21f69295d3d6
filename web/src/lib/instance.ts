// How an instance is, in words. Pure.

import type { Instance } from "@segue/client";
import type { Tone } from "../components/Status";

/** One word of what is wanted and what was seen. */
export function instanceVerdict(instance: Instance): { tone: Tone; word: string } {
  if (instance.desired !== "run") {
    const word = instance.desired === "drain" ? "finishing requests" : "stopping";
    return { tone: "idle", word };
  }
  if (instance.warm) return { tone: "idle", word: "kept warm" };
  switch (instance.state) {
    case "ready":
      return { tone: "ok", word: "ready" };
    case "none":
    case "creating":
    case "created":
      return { tone: "busy", word: "being made" };
    case "started":
      return instance.failure
        ? { tone: "bad", word: "not healthy" }
        : { tone: "busy", word: "checking" };
    case "unready":
      return { tone: "bad", word: "not healthy" };
    case "exited":
      return {
        tone: "bad",
        word: instance.exit_code === undefined ? "exited" : `exited ${instance.exit_code}`,
      };
    case "lost":
      return { tone: "bad", word: "lost" };
    default:
      return { tone: "idle", word: instance.state };
  }
}
