// Containers, one row each.

import type { Instance } from "@segue/client";
import { Ago } from "../../components/Ago";
import { Empty, Table } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Status } from "../../components/Status";
import { instanceVerdict } from "../../lib/instance";

export function Instances({ instances }: { instances: Instance[] }) {
  const shown = instances.filter((one) => one.state !== "gone");
  if (shown.length === 0) return <Empty>Nothing runs here.</Empty>;
  return (
    <Table label="Instances" head={["Instance", "State", "Release", "Host", "Restarts", "Started"]}>
      {shown.map((one) => {
        const { tone, word } = instanceVerdict(one);
        return (
          <tr key={one.id}>
            <td>
              <strong>{one.name}</strong>
            </td>
            <td>
              <Status tone={tone}>{word}</Status>
              {one.failure && one.state !== "ready" && (
                <div className={classes.reason}>
                  {one.failure.sentence} {one.failure.evidence}
                </div>
              )}
              {one.replacing && <div className={classes.reason}>a successor is on its way</div>}
            </td>
            <td>v{one.release}</td>
            <td>{one.host}</td>
            <td>{one.restarts}</td>
            <td>{one.started_at ? <Ago at={one.started_at} /> : "–"}</td>
          </tr>
        );
      })}
    </Table>
  );
}
