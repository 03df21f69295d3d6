// A button that, when it cannot be used, stays reachable and says why.

import { Button, type ButtonProps } from "@mantine/core";
import { type ComponentPropsWithoutRef, lazy, Suspense, useId } from "react";
import { chunk } from "../lib/chunk";
import { toast } from "./toast";

const Why = lazy(() => chunk(() => import("./Why")));

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
  const no = (
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
  );
  // What floats is loaded when there is something to explain; the words are there before.
  return (
    <Suspense fallback={no}>
      <Why label={why}>{no}</Why>
    </Suspense>
  );
}
