// Who is told of what happens: programs by signed webhook, chat rooms, mail addresses.

import { Button, Group } from "@mantine/core";
import { type Webhook, webhookDelete, webhookTest, webhookUpdate } from "@segue/client";
import { appListOptions, webhookListOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTeam, useWhyNot } from "../../api/hooks";
import { sentenceOf } from "../../api/problem";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Listing } from "../../components/Listing";
import { Once } from "../../components/Once";
import { Status } from "../../components/Status";
import { toast } from "../../components/toast";
import { Deliveries } from "./Deliveries";
import { NewWebhook } from "./NewWebhook";
import { TeamPage } from "./TeamPage";

const HOW: Record<string, string> = {
  standard: "signed webhook",
  chat: "chat room",
  mail: "mail",
};

function verdict(one: Webhook): { tone: "ok" | "bad" | "idle"; word: string } {
  if (!one.enabled && one.disabled_reason) return { tone: "bad", word: "stopped" };
  if (!one.enabled) return { tone: "idle", word: "off" };
  return one.failing_since ? { tone: "bad", word: "failing" } : { tone: "ok", word: "on" };
}

export function Notifications() {
  const team = useTeam();
  const path = { team: team.name };
  const why = useWhyNot()("notify");
  const queries = useQueryClient();
  const list = useQuery(webhookListOptions({ path, query: { limit: 100 } }));
  const apps = useQuery(appListOptions({ path, query: { limit: 100 } }));
  const [made, setMade] = useState<Webhook>();
  const [removing, setRemoving] = useState<Webhook>();
  const [open, setOpen] = useState<string>();
  const items = list.data?.items ?? [];
  const appName = (id: string) => apps.data?.items.find((one) => one.id === id)?.name ?? "one app";
  const said = (work: Promise<unknown>) =>
    work.catch((error: unknown) => toast({ message: sentenceOf(error), color: "red" }));
  const turn = async (one: Webhook) => {
    await webhookUpdate({
      path: { ...path, webhook: one.id },
      headers: { "If-Match": `"${one.generation}"` },
      body: { enabled: !one.enabled },
      throwOnError: true,
    });
    await list.refetch();
  };
  const test = async (one: Webhook) => {
    await webhookTest({ path: { ...path, webhook: one.id }, throwOnError: true });
    setOpen(one.id);
    toast({ message: `A test is on its way to ${one.to}.`, color: "gray" });
    await queries.invalidateQueries({ queryKey: [{ _id: "webhookDeliveryList" }] });
  };
  return (
    <TeamPage title="Notifications" command={`segue webhooks list -t ${team.name}`}>
      {made && (made.secret || made.kind === "standard") && (
        <Once
          title={`${made.name} is made.`}
          parts={[["Signing secret", made.secret]]}
          onDone={() => setMade(undefined)}
        >
          Its requests are signed with this secret, as Standard Webhooks say. This is its only
          showing; copy it now.
        </Once>
      )}
      <Card title="Who is told" flush>
        <Listing
          of={list}
          count={items.length}
          none="Nobody is told yet."
          label="Who is told"
          head={["Name", "State", "To", "Of", ""]}
        >
          {items.map((one) => {
            const { tone, word } = verdict(one);
            return (
              <tr key={one.id}>
                <td>
                  <strong>{one.name}</strong>
                  <div className={classes.reason}>by {one.created_by}</div>
                </td>
                <td>
                  <Status tone={tone}>{word}</Status>
                  {one.disabled_reason && (
                    <div className={classes.reason}>{one.disabled_reason}</div>
                  )}
                  {one.failing_since && (
                    <div className={classes.reason}>
                      since <Ago at={one.failing_since} />
                    </div>
                  )}
                </td>
                <td>
                  {one.to}
                  <div className={classes.reason}>{HOW[one.kind] ?? one.kind}</div>
                </td>
                <td>
                  {one.events.join(", ")}
                  {one.app && <div className={classes.reason}>{appName(one.app)} only</div>}
                </td>
                <td>
                  <Group gap={4} wrap="nowrap" justify="flex-end">
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      aria-expanded={open === one.id}
                      aria-label={`Deliveries of ${one.name}`}
                      onClick={() => setOpen(open === one.id ? undefined : one.id)}
                    >
                      Deliveries
                    </Button>
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      why={why ?? (one.enabled ? undefined : "It is off; turn it on first.")}
                      aria-label={`Test ${one.name}`}
                      onClick={() => void said(test(one))}
                    >
                      Test
                    </Act>
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      why={why}
                      aria-label={`Turn ${one.enabled ? "off" : "on"} ${one.name}`}
                      onClick={() => void said(turn(one))}
                    >
                      {one.enabled ? "Turn off" : "Turn on"}
                    </Act>
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      color="red"
                      why={why}
                      aria-label={`Remove ${one.name}`}
                      onClick={() => setRemoving(one)}
                    >
                      Remove
                    </Act>
                  </Group>
                </td>
              </tr>
            );
          })}
        </Listing>
        <NewWebhook
          team={team.name}
          apps={(apps.data?.items ?? []).map((app) => app.name)}
          why={why}
          onMade={async (webhook) => {
            setMade(webhook);
            await list.refetch();
          }}
        />
      </Card>
      {open !== undefined && (
        <Deliveries
          key={open}
          team={team.name}
          webhook={open}
          why={why}
          name={items.find((one) => one.id === open)?.name ?? ""}
        />
      )}
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Remove ${removing?.name}?`}
        deed="Remove it"
        onConfirm={async () => {
          await webhookDelete({
            path: { ...path, webhook: removing?.id ?? "" },
            throwOnError: true,
          });
          setOpen(undefined);
          await list.refetch();
        }}
      >
        {removing?.to} is told nothing more, and what was told is forgotten here.
      </Confirm>
    </TeamPage>
  );
}
