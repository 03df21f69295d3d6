// The one page for what is not there. What belongs to others looks the same, to the letter.

import type { ReactNode } from "react";
import { fault } from "../api/problem";
import { Empty } from "./Card";
import { FaultBox } from "./FaultBox";

export const NOTHING = "Nothing is here";
export const NOTHING_WHY =
  "The address leads nowhere, or to what is not yours to see. It may have been deleted or renamed.";

export function NotFound({ children }: { children?: ReactNode }) {
  return (
    <div>
      <h1>{NOTHING}</h1>
      <Empty>
        <p>{NOTHING_WHY}</p>
        {children ?? <a href="/apps">To the apps</a>}
      </Empty>
    </div>
  );
}

/** An error in the place of a whole page. */
export function PageFault({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (fault(error).code === "not_found") return <NotFound />;
  return <FaultBox error={error} onRetry={onRetry} />;
}
