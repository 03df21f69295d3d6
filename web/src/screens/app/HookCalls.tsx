// Calls of a hook that proved themselves, and what became of each.

import { Button } from "@mantine/core";
import { hookDeliveryListInfiniteOptions } from "@segue/client/query";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Listing } from "../../components/Listing";
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
      <Listing
        of={list}
        count={items.length}
        none="No call yet. Calls with a wrong signature are not listed."
        label="Calls"
        head={["What", "State", "Outcome", "Delivery", "When"]}
      >
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
      </Listing>
    </Card>
  );
}
