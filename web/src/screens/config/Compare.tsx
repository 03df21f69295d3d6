// This environment beside another one of the app: configuration, secrets by name, specification, release.

import { NativeSelect } from "@mantine/core";
import { environmentCompareOptions, environmentListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Card, Empty, Table } from "../../components/Card";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import type { Place } from "../env/place";
import own from "./config.module.css";

export function Compare({ place }: { place: Place }) {
  const { team, app, env } = place;
  const envs = useQuery(environmentListOptions({ path: { team, app }, query: { limit: 100 } }));
  const others = (envs.data?.items ?? []).map((one) => one.name).filter((name) => name !== env);
  const [chosen, setChosen] = useState<string>();
  const other = chosen ?? others[0];
  const compared = useQuery({
    ...environmentCompareOptions({ path: { ...place, other: other ?? "" } }),
    enabled: other !== undefined,
  });
  if (other === undefined) return null;
  const data = compared.data;
  const rows = data
    ? [
        ...data.config.map((one) => ({
          part: "config",
          key: one.key,
          here: one.value,
          there: one.other,
        })),
        ...data.secrets.map((one) => ({
          part: "secret",
          key: one.key,
          here: one.state,
          there: one.other,
        })),
        ...data.spec.map((one) => ({
          part: "specification",
          key: one.pointer,
          here: one.value,
          there: one.other,
        })),
      ]
    : [];
  return (
    <Card
      title="Compared with"
      actions={
        <NativeSelect
          aria-label="The other environment"
          size="xs"
          data={others}
          value={other}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
      }
      flush
    >
      {compared.isPending && <Loading />}
      {compared.isError && <FaultBox error={compared.error} onRetry={() => compared.refetch()} />}
      {data && rows.length === 0 && <Empty>The two are configured alike.</Empty>}
      {rows.length > 0 && (
        <Table label={`${env} and ${other}`} head={["Part", "Key", env, other]}>
          {rows.map((row) => (
            <tr key={`${row.part} ${row.key}`}>
              <td>{row.part}</td>
              <td>
                <code>{row.key}</code>
              </td>
              <td>
                <span className={own.value}>{row.here ?? <i>not set</i>}</span>
              </td>
              <td>
                <span className={own.value}>{row.there ?? <i>not set</i>}</span>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}
