// What is shown one time only: a token, a link, a secret. It stays until the person says that they have it.

import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Command } from "./Command";
import classes from "./components.module.css";

export interface OnceProps {
  /** What was made. */
  title: string;
  children?: ReactNode;
  /** Label and text of each part. */
  parts: readonly (readonly [label: string, text: string | undefined])[];
  onDone: () => void;
}

export function Once({ title, children, parts, onDone }: OnceProps) {
  // The answer of a first try was lost, and the server repeats no secret.
  const lost = parts.filter(([, text]) => !text).map(([label]) => label);
  if (lost.length > 0)
    return (
      <div className={classes.once} role="alert">
        <span>
          <strong>{title}</strong> Your first try made it, but its answer was lost and with it:{" "}
          {lost.join(", ").toLowerCase()}. It is shown nowhere again; remove what was made, and make
          another one.
        </span>
        <Button size="compact-sm" variant="default" onClick={onDone}>
          I understand
        </Button>
      </div>
    );
  return (
    <div className={classes.once} role="status">
      <span>
        <strong>{title}</strong> {children ?? "This is its only showing; copy it now."}
      </span>
      {parts.map(([label, text]) => (
        <div key={label}>
          {parts.length > 1 && <small>{label}</small>}
          <Command text={text ?? ""} label={label} />
        </div>
      ))}
      <Button size="compact-sm" variant="default" onClick={onDone}>
        I have it
      </Button>
    </div>
  );
}
