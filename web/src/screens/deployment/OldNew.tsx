// Instances of the release before and of this one, side by side, with their health.

import type { Instance } from "@segue/client";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Status } from "../../components/Status";
import { instanceVerdict } from "../../lib/instance";
import own from "./deployment.module.css";

function Side({ title, instances, none }: { title: string; instances: Instance[]; none: string }) {
  return (
    <div className={own.side}>
      <h3>{title}</h3>
      {instances.length === 0 && <span className={classes.muted}>{none}</span>}
      {instances.map((one) => {
        const { tone, word } = instanceVerdict(one);
        return (
          <div key={one.id} className={own.one}>
            <span>
              {one.name} <span className={classes.muted}>{one.host}</span>
              {one.failure && one.state !== "ready" && (
                <div className={classes.reason}>{one.failure.evidence || one.failure.sentence}</div>
              )}
            </span>
            <Status tone={tone}>{word}</Status>
          </div>
        );
      })}
    </div>
  );
}

export interface OldNewProps {
  instances: Instance[];
  release: number;
  finished: boolean;
}

export function OldNew({ instances, release, finished }: OldNewProps) {
  const there = instances.filter((one) => one.state !== "gone");
  const fresh = there.filter((one) => one.release === release);
  const other = there.filter((one) => one.release !== release);
  return (
    <Card title="Instances, old → new">
      <div className={own.sides}>
        <Side
          title={
            other.length > 0
              ? [...new Set(other.map((one) => `v${one.release}`))].join(", ")
              : "Other releases"
          }
          instances={other}
          none={finished ? "None is left." : "None."}
        />
        <Side
          title={`v${release}`}
          instances={fresh}
          none={finished ? "None is left." : "None yet."}
        />
      </div>
    </Card>
  );
}
