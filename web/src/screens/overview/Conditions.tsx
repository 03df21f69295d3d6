// What an environment waits for, in the planner's words.

import type { Condition } from "@segue/client";
import { plainTimes } from "../../lib/format";
import classes from "./overview.module.css";

export function Conditions({
  of,
  label,
  calm,
}: {
  of: Condition[];
  label: string;
  calm?: boolean;
}) {
  if (of.length === 0) return null;
  return (
    <ul className={classes.troubles} aria-label={label} data-calm={calm || undefined}>
      {of.map((condition) => (
        <li key={condition.reason + condition.message}>
          <strong>{calm ? "under way" : "waiting"}:</strong> {plainTimes(condition.message)}{" "}
          <code>{condition.reason}</code>
        </li>
      ))}
    </ul>
  );
}
