// How an environment or a deployment is, in one word and one sentence. Pure.

import type { Deployment, Environment, ServiceView } from "@segue/client";
import type { Tone } from "../components/Status";

/** A tone and words. */
export interface Verdict {
  tone: Tone;
  word: string;
}

const DEPLOYMENT: Record<string, Verdict> = {
  queued: { tone: "busy", word: "waiting" },
  building: { tone: "busy", word: "building" },
  release_task: { tone: "busy", word: "release command" },
  starting: { tone: "busy", word: "starting" },
  switching: { tone: "busy", word: "switching" },
  live: { tone: "ok", word: "live" },
  baking: { tone: "ok", word: "live, being watched" },
  failing: { tone: "bad", word: "failing" },
  rolling_back: { tone: "bad", word: "going back" },
  succeeded: { tone: "ok", word: "done" },
  rolled_back: { tone: "bad", word: "rolled back" },
  failed: { tone: "bad", word: "failed" },
  cancelled: { tone: "idle", word: "cancelled" },
  superseded: { tone: "idle", word: "superseded" },
};

/** How a deployment is; a word that is not known is shown as it came. */
export function deploymentVerdict(deployment: Pick<Deployment, "state">): Verdict {
  return (
    DEPLOYMENT[deployment.state] ?? { tone: "idle", word: deployment.state.replaceAll("_", " ") }
  );
}

/** Reasons to wait that somebody should look at; the others pass by themselves. */
const SERIOUS = new Set([
  "no_host",
  "back_off",
  "edge_silent",
  "listing_stale",
  "frozen",
  "host_unreachable",
  "engine_failed",
  "host_away",
]);

/** Conditions that do not hold and do not pass by themselves. */
export function troubles(env: Pick<Environment, "conditions">): Environment["conditions"] {
  return env.conditions.filter((condition) => !condition.status && SERIOUS.has(condition.reason));
}

/** Conditions that do not hold yet. */
export function passing(env: Pick<Environment, "conditions">): Environment["conditions"] {
  return env.conditions.filter((condition) => !condition.status && !SERIOUS.has(condition.reason));
}

/** How an environment is, by what it says itself and its newest deployment. */
export function environmentVerdict(
  env: Environment,
  newest?: Pick<Deployment, "state" | "finished">,
): Verdict {
  if (env.stopped) return { tone: "idle", word: "stopped" };
  if (troubles(env).length > 0) return { tone: "warn", word: "waiting" };
  if (newest && !newest.finished) return deploymentVerdict(newest);
  if (newest && ["failed", "rolled_back"].includes(newest.state)) {
    return { tone: "bad", word: env.serving ? "last deploy failed" : "failed" };
  }
  if (env.serving === undefined) return { tone: "idle", word: "nothing deployed" };
  return { tone: "ok", word: "running" };
}

const RANK: Record<Tone, number> = { bad: 0, warn: 1, busy: 2, ok: 3, idle: 4 };

/** Failing first. */
export function byNeed(a: Verdict, b: Verdict): number {
  return RANK[a.tone] - RANK[b.tone];
}

/** `v17 serves; 3 of 3 instances ready on 2 hosts.` */
export function sentence(env: Environment, services: ServiceView[], hosts: number): string {
  if (env.stopped) return "Stopped: nothing runs until it is started again.";
  if (env.serving === undefined) return "Nothing has been deployed here yet.";
  let desired = 0;
  let ready = 0;
  for (const service of services) {
    desired += service.replicas.desired;
    ready += service.replicas.ready;
  }
  const where = hosts > 0 ? ` on ${hosts} ${hosts === 1 ? "host" : "hosts"}` : "";
  return `v${env.serving} serves; ${ready} of ${desired} ${desired === 1 ? "instance" : "instances"} ready${where}.`;
}
