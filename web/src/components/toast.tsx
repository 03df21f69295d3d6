// Short messages in the corner. What shows them is loaded with the first of them.

import { lazy, Suspense, useSyncExternalStore } from "react";
import { chunk } from "../lib/chunk";

/** A message. */
export interface Toast {
  title?: string;
  message: string;
  color: "green" | "red" | "gray";
}

const Corner = lazy(() => chunk(() => import("./Corner")));

let wanted = false;
const waiting: Toast[] = [];
const listeners = new Set<() => void>();
let show: ((toast: Toast) => void) | undefined;

/** Says something. */
export function toast(message: Toast): void {
  if (show) {
    show(message);
    return;
  }
  waiting.push(message);
  wanted = true;
  for (const tell of listeners) tell();
}

/** Called by the corner once it is there. */
export function ready(shower: (toast: Toast) => void): void {
  show = shower;
  for (const message of waiting.splice(0)) shower(message);
}

function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** Where messages appear. */
export function Toasts() {
  const there = useSyncExternalStore(subscribe, () => wanted);
  return there ? (
    <Suspense>
      <Corner />
    </Suspense>
  ) : null;
}
