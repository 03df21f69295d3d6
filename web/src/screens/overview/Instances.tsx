// Containers, one row each, with why each is where it is, and the way to a new one in its place.

import { Button, Group } from "@mantine/core";
import { type Instance, instanceReplace } from "@segue/client";
import { instanceWhyOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Empty, Table } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { EventList } from "../../components/EventList";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import { Status } from "../../components/Status";
import { instanceVerdict } from "../../lib/instance";
import { usePlace, useWhyNotHere } from "../env/place";

/** What happened to an instance. */
function Story({ id }: { id: string }) {
  const place = usePlace();
  const why = useQuery(instanceWhyOptions({ path: { ...place, instance: id } }));
  if (why.isPending) return <Loading />;
  if (why.isError) return <FaultBox error={why.error} onRetry={() => why.refetch()} />;
  return <EventList events={[...why.data.events].reverse()} />;
}

export function Instances({ instances }: { instances: Instance[] }) {
  const place = usePlace();
  const may = useWhyNotHere()("scale");
  const queries = useQueryClient();
  const [open, setOpen] = useState<string>();
  const [replacing, setReplacing] = useState<Instance>();
  const shown = instances.filter((one) => one.state !== "gone");
  if (shown.length === 0) return <Empty>Nothing runs here.</Empty>;
  return (
    <>
      <Table
        label="Instances"
        head={["Instance", "State", "Release", "Host", "Restarts", "Started", ""]}
      >
        {shown.map((one) => {
          const { tone, word } = instanceVerdict(one);
          const leaving = one.desired === "run" ? undefined : "It is on its way out already.";
          return (
            <Fragment key={one.id}>
              <tr>
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
                <td>
                  <Group gap={4} wrap="nowrap" justify="flex-end">
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      aria-expanded={open === one.id}
                      aria-label={`Why ${one.name} is there`}
                      onClick={() => setOpen(open === one.id ? undefined : one.id)}
                    >
                      Why
                    </Button>
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      why={may ?? leaving ?? (one.replacing ? "It is being replaced." : undefined)}
                      aria-label={`Replace ${one.name}`}
                      onClick={() => setReplacing(one)}
                    >
                      Replace
                    </Act>
                  </Group>
                </td>
              </tr>
              {open === one.id && (
                <tr>
                  <td colSpan={7}>
                    <Story id={one.id} />
                  </td>
                </tr>
              )}
            </Fragment>
          );
        })}
      </Table>
      <Confirm
        opened={replacing !== undefined}
        onClose={() => setReplacing(undefined)}
        title={`Replace ${replacing?.name}?`}
        deed="Replace it"
        harmless
        onConfirm={async () => {
          const path = { ...place, instance: replacing?.id ?? "" };
          await instanceReplace({ path, throwOnError: true });
          await queries.invalidateQueries({ queryKey: [{ _id: "instanceList" }] });
        }}
      >
        A new container of the same release is made, and this one is stopped once that is ready.
      </Confirm>
    </>
  );
}
