// Addresses that a forge calls when something was pushed. Their secrets are shown once.

import { Button, Group, NativeSelect } from "@mantine/core";
import { type Forge, type Hook, hookCreate, hookDelete } from "@segue/client";
import { hookListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { Once } from "../../components/Once";
import { useApiForm } from "../../lib/form";
import type { AppPath } from "./AppFrame";
import { HookCalls } from "./HookCalls";

const NAMES: Record<Forge, string> = {
  github: "GitHub",
  gitlab: "GitLab",
  gitea: "Gitea",
  generic: "another program",
};

const WHERE: Record<Forge, string> = {
  github:
    "In the repository: Settings, Webhooks, Add webhook. Content type application/json, only the push event.",
  gitlab:
    "In the project: Settings, Webhooks. The secret goes into “Secret token”; only push events.",
  gitea:
    "In the repository: Settings, Webhooks, Gitea. POST, application/json, only the push event.",
  generic: "Sign each call as Standard Webhooks say.",
};

export function Hooks({ path }: { path: AppPath }) {
  const whyNot = useWhyNot();
  const why = whyNot("settings");
  const list = useQuery(hookListOptions({ path, query: { limit: 100 } }));
  const [made, setMade] = useState<Hook>();
  const [removing, setRemoving] = useState<Hook>();
  const [open, setOpen] = useState<string>();
  const handle = useApiForm({
    initial: { kind: "github" },
    why,
    send: async ({ kind }) => {
      const { data } = await hookCreate({
        path,
        body: { kind: kind as Forge },
        throwOnError: true,
      });
      setMade(data);
      await list.refetch();
    },
  });
  const { form, busy } = handle;
  const items = list.data?.items ?? [];
  return (
    <>
      {made && (
        <Once
          title={`The hook for ${NAMES[made.kind]} is made.`}
          parts={[
            ["Address to be called", made.url],
            ["Secret", made.secret],
          ]}
          onDone={() => setMade(undefined)}
        >
          {WHERE[made.kind]} The secret is shown only now.
        </Once>
      )}
      <Card title="Hooks" flush>
        <Listing
          of={list}
          count={items.length}
          none="No forge calls yet. A hook is what makes a push elsewhere deploy by itself."
          label="Hooks"
          head={["Who calls", "Address", "Made by", "Last call", ""]}
        >
          {items.map((hook) => (
            <tr key={hook.id}>
              <td>
                <strong>{NAMES[hook.kind] ?? hook.kind}</strong>
              </td>
              <td>
                <code>{hook.url}</code>
              </td>
              <td>
                {hook.created_by}
                <div className={classes.reason}>
                  <Ago at={hook.created_at} />
                </div>
              </td>
              <td>{hook.called_at ? <Ago at={hook.called_at} /> : "never"}</td>
              <td>
                <Group gap={4} wrap="nowrap" justify="flex-end">
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    aria-expanded={open === hook.id}
                    aria-label={`Calls of ${NAMES[hook.kind]}`}
                    onClick={() => setOpen(open === hook.id ? undefined : hook.id)}
                  >
                    Calls
                  </Button>
                  <Act
                    size="compact-sm"
                    variant="subtle"
                    color="red"
                    why={whyNot("delete")}
                    aria-label={`Remove the hook of ${NAMES[hook.kind]}`}
                    onClick={() => setRemoving(hook)}
                  >
                    Remove
                  </Act>
                </Group>
              </td>
            </tr>
          ))}
        </Listing>
        <Form of={handle} className={classes.form}>
          <NativeSelect
            label="Who will call"
            data={Object.entries(NAMES).map(([value, label]) => ({ value, label }))}
            {...form.getInputProps("kind")}
          />
          <Act type="submit" why={why} loading={busy}>
            Make a hook
          </Act>
        </Form>
      </Card>
      {open !== undefined && <HookCalls key={open} path={path} hook={open} />}
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title="Remove the hook?"
        deed="Remove it"
        onConfirm={async () => {
          await hookDelete({ path: { ...path, hook: removing?.id ?? "" }, throwOnError: true });
          setOpen(undefined);
          await list.refetch();
        }}
      >
        Calls of {removing && NAMES[removing.kind]} are refused from then on; its pushes are not
        deployed by themselves any more.
      </Confirm>
    </>
  );
}
