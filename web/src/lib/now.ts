// The present, for words like “5 s ago” and running times. One clock for the page; it asks no server anything.

import { useSyncExternalStore } from "react";

let now = Date.now();
let ticking: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  ticking ??= setInterval(() => {
    now = Date.now();
    for (const listener of listeners) listener();
  }, 1000);
  return () => {
    listeners.delete(tell);
    if (listeners.size === 0) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };
}

/** The present to the second; the component is drawn again when it moves on. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
