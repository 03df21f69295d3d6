// Secrets: names, versions, who set them. A value is shown to whoever may reveal it, after the password, and is told to
// the team; it is forgotten when the page is left.

import { Button, Group, TextInput } from "@mantine/core";
import { secretDelete, secretReveal, secretSet } from "@segue/client";
import { secretListOptions, specGetOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Command } from "../../components/Command";
import { Confirm } from "../../components/Confirm";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { PasswordField } from "../../components/PasswordField";
import { Status } from "../../components/Status";
import { toast } from "../../components/toast";
import { checks, keyCheck } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { whole } from "../../lib/pages";
import { flags, useHeld, usePlace, useWhyNotHere } from "../env/place";
import classes from "./secrets.module.css";

export function Secrets() {
  const place = usePlace();
  const whyNot = useWhyNotHere();
  const why = whyNot("secrets");
  const held = useHeld();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState<string>();
  const [revealing, setRevealing] = useState<string>();
  const [open, setOpen] = useState<{ key: string; value: string }>();
  const valueField = useRef<HTMLInputElement>(null);
  const list = useQuery(whole(secretListOptions({ path: place })));
  const spec = useQuery(specGetOptions({ path: place }));
  const items = list.data?.items ?? [];
  const required = Object.entries(spec.data?.spec.config ?? {})
    .filter(([key, one]) => one.secret && one.required && !items.some((item) => item.key === key))
    .map(([key]) => key);
  const missing = [...new Set([...required, ...(list.data?.missing ?? [])])];
  const after = async (key: string, deployment: number | undefined) => {
    await queries.invalidateQueries({ queryKey: [{ _id: "secretList" }] });
    if (deployment === undefined) {
      toast({
        message: `${key} is set. It takes effect with the next deployment.`,
        color: "green",
      });
      return;
    }
    await navigate({
      to: "/apps/$app/$env/deployments/$number",
      params: { app: place.app, env: place.env, number: String(deployment) },
    });
  };
  const handle = useApiForm({
    initial: { key: "", value: "" },
    validate: {
      key: keyCheck,
      value: checks.SecretSet.value,
    },
    why,
    send: async ({ key, value }, press) => {
      const path = { ...place, key: key.trim() };
      const { data } = await secretSet({
        path,
        query: { deploy: press === "deploy" },
        body: { value },
        throwOnError: true,
      });
      form.reset();
      await after(path.key, data.deployment);
    },
  });
  const { form, busy } = handle;
  return (
    <Page
      title="Secrets"
      sub={`${place.app} ${place.env} · values are sealed`}
      command={`segue secret list ${flags(place)}`}
    >
      {missing.length > 0 && (
        <div className={classes.missing} role="status">
          <strong>Missing:</strong> {missing.join(", ")}. Required by segue.toml, or taken over by
          name from another environment; no deployment begins without.
        </div>
      )}
      <Card title="Secrets" flush>
        <Listing
          of={list}
          count={items.length}
          none="No secret is set. Passwords and keys belong here: nobody reads them by the way."
          label="Secrets"
          head={["Key", "Value", "Version", "Set by", "When", ""]}
        >
          {items.map((secret) => (
            <tr key={secret.key}>
              <td>
                <code>{secret.key}</code>
              </td>
              <td>
                {open?.key === secret.key ? (
                  <Command text={open.value} label={`Value of ${secret.key}`} />
                ) : (
                  <Status tone="idle">sealed</Status>
                )}
              </td>
              <td>{secret.version}</td>
              <td>{secret.created_by}</td>
              <td>
                <Ago at={secret.created_at} />
              </td>
              <td>
                <Group gap={4} wrap="nowrap" justify="flex-end">
                  {open?.key === secret.key ? (
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      onClick={() => setOpen(undefined)}
                      aria-label={`Hide ${secret.key}`}
                    >
                      Hide
                    </Button>
                  ) : (
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      why={whyNot("reveal")}
                      onClick={() => setRevealing(secret.key)}
                      aria-label={`Reveal ${secret.key}`}
                    >
                      Reveal
                    </Act>
                  )}
                  <Act
                    size="compact-sm"
                    variant="subtle"
                    why={why}
                    onClick={() => {
                      form.setValues({ key: secret.key, value: "" });
                      valueField.current?.focus();
                    }}
                    aria-label={`Change ${secret.key}`}
                  >
                    Change
                  </Act>
                  <Act
                    size="compact-sm"
                    variant="subtle"
                    color="red"
                    why={why}
                    onClick={() => setRemoving(secret.key)}
                    aria-label={`Remove ${secret.key}`}
                  >
                    Remove
                  </Act>
                </Group>
              </td>
            </tr>
          ))}
        </Listing>
      </Card>
      <Card title="Set a secret">
        <Form of={handle} className={classes.form}>
          <TextInput
            label="Key"
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps("key")}
          />
          <PasswordField
            label="Value"
            autoComplete="new-password"
            ref={valueField}
            what="value"
            {...form.getInputProps("value")}
          />
          <Group gap="sm">
            <Act type="submit" why={why ?? held} loading={busy} value="deploy">
              Set and deploy
            </Act>
            <Act type="submit" why={why} variant="default" loading={busy}>
              Set only
            </Act>
            {form.isDirty() && (
              <Button variant="subtle" color="gray" onClick={() => form.reset()}>
                Clear
              </Button>
            )}
          </Group>
        </Form>
      </Card>
      <Confirm
        opened={revealing !== undefined}
        onClose={() => setRevealing(undefined)}
        title={`Reveal ${revealing}?`}
        deed="Reveal it"
        harmless
        onConfirm={async () => {
          const path = { ...place, key: revealing ?? "" };
          const { data } = await secretReveal({ path, throwOnError: true });
          setOpen({ key: data.key, value: data.value });
        }}
      >
        Its value is shown here until you leave the page. The team sees that you looked, and the
        audit log keeps it.
      </Confirm>
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Remove ${removing}?`}
        deed="Remove and deploy"
        onConfirm={async () => {
          await secretDelete({ path: { ...place, key: removing ?? "" }, throwOnError: true });
          await list.refetch();
        }}
      >
        The value is lost for good. A deployment follows, whose instances start without {removing}.
      </Confirm>
    </Page>
  );
}
