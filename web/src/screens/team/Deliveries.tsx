// What somebody was told, and whether it arrived. Nothing says when a delivery is made, so the card says as of when
// it is, and is read again by its button.

import { Button } from "@mantine/core";
import { type WebhookDelivered, webhookDeliveryRetry } from "@segue/client";
import { webhookDeliveryListInfiniteOptions } from "@segue/client/query";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { sentenceOf } from "../../api/problem";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Listing } from "../../components/Listing";
import { Status, type Tone } from "../../components/Status";
import { toast } from "../../components/toast";
import { count } from "../../lib/format";
import { pagesAt } from "../../lib/pages";

const TONE: Record<string, Tone> = { delivered: "ok", failed: "bad", pending: "busy" };

function Outcome({ one }: { one: WebhookDelivered }) {
  return (
    <>
      {one.status !== undefined && <>answer {one.status}. </>}
      {one.detail}
      {one.state === "pending" && one.next_at && (
        <div className={classes.reason}>
          tried again <Ago at={one.next_at} />
        </div>
      )}
    </>
  );
}

export function Deliveries({
  team,
  webhook,
  name,
  why,
}: {
  team: string;
  webhook: string;
  name: string;
  /** Why this person sends nothing again. */
  why?: string;
}) {
  const path = { team, webhook };
  const [shown, setShown] = useState<string>();
  const list = useInfiniteQuery({
    ...webhookDeliveryListInfiniteOptions({ path, query: { limit: 20 } }),
    ...pagesAt(path),
  });
  const [sending, setSending] = useState<string>();
  const again = async (one: WebhookDelivered) => {
    setSending(one.id);
    try {
      await webhookDeliveryRetry({ path: { ...path, delivery: one.id }, throwOnError: true });
      toast({ message: `${one.kind} is sent to ${name} again.`, color: "gray" });
      await list.refetch();
    } catch (error) {
      toast({ title: "It was not sent again", message: sentenceOf(error), color: "red" });
    } finally {
      setSending(undefined);
    }
  };
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Card
      title={`Deliveries of ${name}`}
      flush
      actions={
        <span className={classes.reason}>
          {list.dataUpdatedAt > 0 && (
            <>
              as of <Ago at={new Date(list.dataUpdatedAt).toISOString()} />{" "}
            </>
          )}
          <Button
            size="compact-sm"
            variant="subtle"
            loading={list.isFetching}
            onClick={() => void list.refetch()}
          >
            Read again
          </Button>
        </span>
      }
    >
      <Listing
        of={list}
        count={items.length}
        none="Nothing was told yet."
        label="Deliveries"
        head={["Event", "State", "Tries", "Outcome", "When", ""]}
      >
        {items.map((one) => (
          <Fragment key={one.id}>
            <tr>
              <td>
                <code>{one.kind}</code>
              </td>
              <td>
                <Status tone={TONE[one.state] ?? "idle"}>{one.state}</Status>
              </td>
              <td>{count(one.attempts, "try", "tries")}</td>
              <td>
                <Outcome one={one} />
              </td>
              <td>
                <Ago at={one.created_at} />
              </td>
              <td>
                <Button
                  size="compact-sm"
                  variant="subtle"
                  aria-expanded={shown === one.id}
                  onClick={() => setShown(shown === one.id ? undefined : one.id)}
                >
                  {shown === one.id ? "Hide" : "What was sent"}
                </Button>
                <Act
                  size="compact-sm"
                  variant="subtle"
                  loading={sending === one.id}
                  why={why ?? (one.state === "pending" ? "It is being sent already." : undefined)}
                  onClick={() => void again(one)}
                >
                  Send again
                </Act>
              </td>
            </tr>
            {shown === one.id && (
              <tr>
                <td colSpan={6}>
                  <pre className={classes.payload}>{JSON.stringify(one.payload, null, 2)}</pre>
                </td>
              </tr>
            )}
          </Fragment>
        ))}
      </Listing>
    </Card>
  );
}
