// The phases with their times.

import { duration } from "../../lib/format";
import { useNow } from "../../lib/now";
import { type Phase, phaseTime } from "../../lib/phases";
import classes from "./deployment.module.css";

const WORD: Record<Phase["state"], string> = {
  waiting: "to come",
  running: "running",
  done: "done",
  failed: "failed",
  skipped: "not needed",
};

export function PhaseBar({ phases }: { phases: Phase[] }) {
  const now = useNow();
  return (
    <ol className={classes.bar} aria-label="Phases">
      {phases
        .filter((phase) => phase.state !== "skipped")
        .map((phase) => {
          const ms = phaseTime(phase, now);
          return (
            <li key={phase.name} data-state={phase.state}>
              <span className={classes.phase}>{phase.label}</span>
              <span className={classes.time}>
                {WORD[phase.state]}
                {ms !== undefined && ` · ${duration(ms)}`}
              </span>
            </li>
          );
        })}
    </ol>
  );
}
