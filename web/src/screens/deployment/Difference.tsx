// What is other in this release than in the one before.

import { releaseDiffOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { Card, Empty } from "../../components/Card";
import { FaultBox } from "../../components/FaultBox";
import type { Place } from "../env/place";
import classes from "./difference.module.css";

export function Difference({ place, from, to }: { place: Place; from: number; to: number }) {
  const diff = useQuery(releaseDiffOptions({ path: { ...place, version: from, other: to } }));
  return (
    <Card title={`v${from} → v${to}`} flush>
      {diff.isError && <FaultBox error={diff.error} onRetry={() => diff.refetch()} />}
      {diff.data?.changes.length === 0 && (
        <Empty>The two do the same: only the containers are new.</Empty>
      )}
      {diff.data && diff.data.changes.length > 0 && (
        <ul className={classes.list}>
          {diff.data.changes.map((change) => (
            <li key={JSON.stringify(change)}>
              <div>
                {change.service} <code>{change.what}</code>
              </div>
              {change.before !== undefined && (
                <del>
                  <span className="said">before: </span>
                  {change.before}
                </del>
              )}
              {change.after !== undefined && (
                <ins>
                  <span className="said">after: </span>
                  {change.after}
                </ins>
              )}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
