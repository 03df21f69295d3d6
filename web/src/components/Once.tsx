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
  parts: readonly (readonly [label: string, text: string])[];
  onDone: () => void;
}

export function Once({ title, children, parts, onDone }: OnceProps) {
  return (
    <div className={classes.once} role="status">
      <span>
        <strong>{title}</strong> {children ?? "This is its only showing; copy it now."}
      </span>
      {parts.map(([label, text]) => (
        <div key={label}>
          {parts.length > 1 && <small>{label}</small>}
          <Command text={text} label={label} />
        </div>
      ))}
      <Button size="compact-sm" variant="default" onClick={onDone}>
        I have it
      </Button>
    </div>
  );
}
