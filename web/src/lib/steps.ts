// Steps of a build, of which only those are shown that say something. Pure.

/** A step as it is shown. */
export interface Step {
  key: string;
  name: string;
  state: string;
  tookMs?: number;
  internal: boolean;
}

/** What is shown and how many were folded away. */
export interface Folded {
  shown: Step[];
  cached: number;
  internal: number;
}

function read(raw: Record<string, unknown>, index: number): Step {
  const number = typeof raw.number === "number" ? raw.number : index;
  return {
    key: `${number} ${index}`,
    name: typeof raw.name === "string" ? raw.name : "step",
    state: typeof raw.state === "string" ? raw.state : "waiting",
    tookMs: typeof raw.took_ms === "number" ? raw.took_ms : undefined,
    internal: raw.internal === true,
  };
}

/** Folds what came from the cache and the builder's own steps, unless they failed or run. */
export function foldSteps(raw: readonly Record<string, unknown>[], all: boolean): Folded {
  const steps = raw.map(read);
  if (all) return { shown: steps, cached: 0, internal: 0 };
  const quiet = (step: Step) => step.state === "done" || step.state === "cached";
  const cached = steps.filter((step) => step.state === "cached" && !step.internal).length;
  const internal = steps.filter((step) => step.internal && quiet(step)).length;
  const shown = steps.filter((step) => !(step.internal && quiet(step)) && step.state !== "cached");
  return { shown, cached, internal };
}
