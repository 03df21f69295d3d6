// Somebody new who is told.

import { NativeSelect, TextInput } from "@mantine/core";
import { type Channel, type Webhook, webhookCreate } from "@segue/client";
import { Act } from "../../components/Act";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

export interface NewWebhookProps {
  team: string;
  apps: string[];
  why?: string;
  onMade: (webhook: Webhook) => Promise<unknown>;
}

const OWN = "own";
const OF = [
  { value: "", label: "how deployments go" },
  { value: "*", label: "everything" },
  { value: OWN, label: "what I name" },
];

export function NewWebhook({ team, apps, why, onMade }: NewWebhookProps) {
  const handle = useApiForm({
    initial: { kind: "standard", name: "", url: "", address: "", app: "", of: "", events: "" },
    validate: {
      name: checks.WebhookCreate.name,
      url: (value, { kind }) => (kind === "mail" ? null : checks.WebhookCreate.url(value)),
      address: (value, { kind }) => (kind === "mail" ? checks.WebhookCreate.address(value) : null),
      events: (value, { of }) =>
        of !== OWN
          ? null
          : value.trim() === ""
            ? "Give at least one kind."
            : checks.WebhookCreate.events(value),
    },
    why,
    send: async ({ kind, name, url, address, app, of, events }) => {
      const mail = kind === "mail";
      const { data } = await webhookCreate({
        path: { team },
        body: {
          name: name.trim(),
          kind: kind as Channel,
          url: mail ? undefined : url.trim(),
          address: mail ? address.trim() : undefined,
          app: app || undefined,
          events: of === OWN ? events.split(/[\s,]+/).filter(Boolean) : of ? [of] : [],
        },
        throwOnError: true,
      });
      form.reset();
      await onMade(data);
    },
  });
  const { form, busy } = handle;
  const { kind, of } = form.values;
  return (
    <Form of={handle} className={classes.form}>
      <NativeSelect
        label="How"
        data={[
          { value: "standard", label: "signed webhook" },
          { value: "chat", label: "chat room" },
          { value: "mail", label: "mail" },
        ]}
        {...form.getInputProps("kind")}
      />
      <TextInput label="Name" autoComplete="off" {...form.getInputProps("name")} />
      {kind === "mail" ? (
        <TextInput
          label="Mail address"
          type="email"
          autoComplete="off"
          {...form.getInputProps("address")}
        />
      ) : (
        <TextInput
          label={kind === "chat" ? "Address of the room’s incoming webhook" : "Address"}
          placeholder="https://example.com/hook"
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("url")}
        />
      )}
      <NativeSelect
        label="Of app"
        data={[
          { value: "", label: "every app" },
          ...apps.map((name) => ({ value: name, label: name })),
        ]}
        {...form.getInputProps("app")}
      />
      <NativeSelect label="Told of" data={OF} {...form.getInputProps("of")} />
      {of === OWN && (
        <TextInput
          label="Kinds of events"
          placeholder="deployment.* build.failed"
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("events")}
        />
      )}
      <Act type="submit" why={why} loading={busy}>
        Tell them
      </Act>
    </Form>
  );
}
