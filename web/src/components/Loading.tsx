// What stands in for content that is under way; not shown for the first 200 ms, so that nothing flickers.

import { Skeleton } from "@mantine/core";
import classes from "./components.module.css";

export function Loading({ lines = 3 }: { lines?: number }) {
  return (
    <div className={classes.late} role="status">
      <span className="said">Loading</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bars that never change places
        <Skeleton key={line} height={18} mb={12} />
      ))}
    </div>
  );
}
