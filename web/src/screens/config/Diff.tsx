// Differences, one line each.

import type { Change } from "../../lib/configdiff";
import own from "./config.module.css";

export function Diff({ changes }: { changes: Change[] }) {
  return (
    <ul className={own.diff}>
      {changes.map((change) => (
        <li key={change.key}>
          <span>{change.key}</span>
          {change.before !== undefined && (
            <del>
              <span className="said">before: </span>
              {change.before === "" ? "(empty)" : change.before}
            </del>
          )}
          {change.after === undefined ? (
            <span>removed</span>
          ) : (
            <ins>
              <span className="said">now: </span>
              {change.after === "" ? "(empty)" : change.after}
            </ins>
          )}
        </li>
      ))}
    </ul>
  );
}
