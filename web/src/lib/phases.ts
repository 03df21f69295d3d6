// The phases of a deployment with their times, worked out from what the API says. Pure.
//
// A time is shown only where both of its ends were recorded; nothing is guessed.

import type { BuildDetail, Deployment, Instance, Receipt } from "@segue/client";

/** How a phase is. */
export type PhaseState = "waiting" | "running" | "done" | "failed" | "skipped";

/** One part of the bar. */
export interface Phase {
  name: "build" | "release" | "start" | "health" | "switch" | "bake";
  label: string;
  state: PhaseState;
  from?: number;
  until?: number;
}

const ORDER = ["build", "release", "start", "health", "switch", "bake"] as const;
const LABEL: Record<Phase["name"], string> = {
  build: "Build",
  release: "Release command",
  start: "Start",
  health: "Health",
  switch: "Switch",
  bake: "Watch",
};

/** Where the state stands in the order; a state that is not known stands nowhere. */
const AT: Record<string, number> = {
  queued: 0,
  building: 0,
  release_task: 1,
  starting: 2,
  switching: 4,
  live: 5,
  baking: 5,
  succeeded: 6,
};

function time(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

function latest(values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 && known.length === values.length ? Math.max(...known) : undefined;
}

/** What the phases are made of. */
export interface Material {
  deployment: Deployment;
  builds: BuildDetail[];
  /** Instances that were made for this deployment's release. */
  instances: Instance[];
  receipt?: Receipt;
  /** The release has a release command. */
  releaseCommand: boolean;
}

/** Where a deployment that did not succeed had come to. */
function reached(material: Material): number {
  const { deployment, builds, instances, receipt } = material;
  if (builds.some((build) => ["failed", "timed_out", "cancelled"].includes(build.state))) return 0;
  if (deployment.live_at) return 5;
  if (receipt) return 4;
  const code = deployment.failure?.code ?? "";
  if (code.startsWith("release_")) return 1;
  if (code.startsWith("health") || instances.some((instance) => instance.started_at)) return 3;
  if (deployment.started_at) return 2;
  return 0;
}

/** The bar of a deployment. */
export function phases(material: Material): Phase[] {
  const { deployment, builds, instances, receipt, releaseCommand } = material;
  const own = instances.filter((instance) => time(instance.created_at) !== undefined);
  const built = {
    from: latest(builds.map((b) => time(b.started_at))),
    until: latest(builds.map((b) => time(b.finished_at))),
  };
  const started = latest(own.map((instance) => time(instance.started_at)));
  const ready = latest(own.map((instance) => time(instance.ready_at)));
  const begun =
    own.length > 0 ? Math.min(...own.map((i) => time(i.created_at) ?? Infinity)) : undefined;
  const switched = time(receipt?.from);
  const live = time(deployment.live_at);
  const ended = time(deployment.finished_at);
  const spans: Record<Phase["name"], { from?: number; until?: number }> = {
    build: built,
    release: releaseCommand ? { from: time(deployment.started_at), until: begun } : {},
    start: { from: begun, until: started },
    health: { from: started, until: ready },
    switch: { from: switched ?? ready, until: live },
    bake: { from: live, until: ended },
  };
  let at = AT[deployment.state];
  const failing = at === undefined && deployment.state !== "superseded";
  at ??= reached(material);
  // Between `starting` and `switching` the instances say which of the two it is.
  if (deployment.state === "starting" && started !== undefined) at = 3;
  // A deployment that waits for its image is told as `starting`; its build says what goes on.
  const building = builds.some((build) => build.finished_at === undefined);
  if (deployment.state === "starting" && own.length === 0 && building) at = 0;
  return ORDER.map((name, index) => {
    const skipped =
      (name === "release" && !releaseCommand) ||
      (name === "build" && builds.length === 0) ||
      (["start", "health"].includes(name) && own.length === 0 && at > 3);
    const state: PhaseState = skipped
      ? "skipped"
      : index < at
        ? "done"
        : index > at
          ? failing || deployment.state === "superseded"
            ? "skipped"
            : "waiting"
          : failing
            ? "failed"
            : deployment.finished
              ? "skipped"
              : "running";
    const span = spans[name];
    const sound = span.from !== undefined && (span.until === undefined || span.until >= span.from);
    const shown = state === "done" || state === "failed" || state === "running";
    return { name, label: LABEL[name], state, ...(shown && sound ? span : {}) };
  });
}

/** How long a phase took or has taken; `undefined`: not known. */
export function phaseTime(phase: Phase, now: number): number | undefined {
  if (phase.from === undefined) return undefined;
  if (phase.until !== undefined) return phase.until - phase.from;
  return phase.state === "running" ? Math.max(0, now - phase.from) : undefined;
}
