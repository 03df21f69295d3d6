// A state, in words; the colour and the shape only repeat them.

import classes from "./components.module.css";

export type Tone = "ok" | "busy" | "warn" | "bad" | "idle";

export function Status({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={classes.status} data-tone={tone}>
      <span className={classes.dot} aria-hidden="true" />
      {children}
    </span>
  );
}
