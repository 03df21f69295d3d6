// Calls of a hook that proved themselves, and what became of each.

import { Button } from "@mantine/core";
import { hookDeliveryListInfiniteOptions } from "@segue/client/query";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Ago } from "../../components/Ago";
import { Card, Empty, Table } from "../../components/Card";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import { More } from "../../components/More";
import { Status, type Tone } from "../../components/Status";
import { pagesAt } from "../../lib/pages";
import type { AppPath } from "./AppFrame";

const TONE: Record<string, Tone> = { done: "ok", failed: "bad", pending: "busy" };

export function HookCalls({ path, hook }: { path: AppPath; hook: string }) {
  const at = { ...path, hook };
  const list = useInfiniteQuery({
    ...hookDeliveryListInfiniteOptions({ path: at, query: { limit: 20 } }),
    ...pagesAt(at),
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Card
      title="Calls"
      flush
      actions={
        <Button
          size="compact-sm"
          variant="subtle"
          loading={list.isFetching}
          onClick={() => void list.refetch()}
        >
          Read again
        </Button>
      }
    >
      {list.isPending && <Loading />}
      {list.isError && <FaultBox error={list.error} onRetry={() => list.refetch()} />}
      {list.isSuccess && items.length === 0 && (
        <Empty>No call yet. Calls with a wrong signature are not listed.</Empty>
      )}
      {items.length > 0 && (
        <Table label="Calls" head={["What", "State", "Outcome", "Delivery", "When"]}>
          {items.map((one) => (
            <tr key={one.id}>
              <td>
                {one.ref ?? "–"}
                {one.commit && (
                  <div className={classes.reason}>
                    <code>{one.commit.slice(0, 10)}</code>
                  </div>
                )}
              </td>
              <td>
                <Status tone={TONE[one.state] ?? "idle"}>{one.state}</Status>
              </td>
              <td>{one.detail}</td>
              <td>
                <code>{one.delivery}</code>
              </td>
              <td>
                <Ago at={one.received_at} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {list.hasNextPage && (
        <div className={classes.form}>
          <More list={list} />
        </div>
      )}
    </Card>
  );
}
