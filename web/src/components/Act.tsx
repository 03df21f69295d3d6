// A button that, when it cannot be used, stays reachable and says why.

import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import { type ComponentPropsWithoutRef, useId } from "react";
import { toast } from "./toast";

export interface ActProps
  extends ButtonProps,
    Omit<ComponentPropsWithoutRef<"button">, keyof ButtonProps> {
  /** Why it cannot be used; `undefined`: it can. */
  why?: string;
}

export function Act({ why, onClick, children, ...others }: ActProps) {
  const id = useId();
  if (!why) {
    return (
      <Button onClick={onClick} {...others}>
        {children}
      </Button>
    );
  }
  const say = () => toast({ message: why, color: "gray" });
  return (
    <Tooltip label={why} events={{ hover: true, focus: true, touch: true }}>
      <span>
        <Button
          {...others}
          type="button"
          data-disabled
          aria-disabled="true"
          aria-describedby={id}
          onClick={(event) => {
            event.preventDefault();
            say();
          }}
        >
          {children}
        </Button>
        <span id={id} className="said">
          {why}
        </span>
      </span>
    </Tooltip>
  );
}
