// The frame of every form that is sent: what is wrong with it and has no field, and what somebody else saved meanwhile.

import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { FormHandle } from "../lib/form";
import classes from "./components.module.css";
import { FormFault } from "./FormFault";

/** A value as people read it. */
function shown(value: unknown): string {
  if (typeof value === "boolean") return value ? "ticked" : "not ticked";
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return text === "" ? "nothing" : text;
}

export interface FormProps {
  of: FormHandle;
  className?: string;
  children: ReactNode;
}

export function Form({ of, className, children }: FormProps) {
  const labelOf = (field: string) =>
    of.element.current?.querySelector<HTMLInputElement>(`[data-path="${field}"]`)?.labels?.[0]
      ?.textContent ?? field;
  return (
    <form
      onSubmit={of.onSubmit}
      noValidate
      className={`${classes.sent} ${className ?? ""}`}
      ref={of.element}
    >
      <FormFault text={of.rest} />
      {Object.entries(of.theirs).map(([field, value]) => (
        <div key={field} className={classes.fault} role="alert" tabIndex={-1}>
          <span>
            {labelOf(field)}: somebody else saved <strong>{shown(value)}</strong> meanwhile.
          </span>{" "}
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => of.choose(field, "mine")}
            aria-label={`Keep mine: ${labelOf(field)}`}
          >
            Keep mine
          </Button>{" "}
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => of.choose(field, "theirs")}
            aria-label={`Take theirs: ${labelOf(field)}`}
          >
            Take theirs
          </Button>
        </div>
      ))}
      {children}
    </form>
  );
}
