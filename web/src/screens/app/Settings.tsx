// An app's name and labels, and its end.

import { Textarea } from "@mantine/core";
import { type App, appDelete, appGet, appUpdate } from "@segue/client";
import { environmentListOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Page } from "../../components/Page";
import { Rename } from "../../components/Rename";
import { toast } from "../../components/toast";
import { checks, labelsCheck } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { count } from "../../lib/format";
import { AppFrame, type AppPath } from "./AppFrame";

function Name({ app, path }: { app: App; path: AppPath }) {
  const why = useWhyNot()("settings");
  const queries = useQueryClient();
  const navigate = useNavigate();
  return (
    <Rename
      label="Name of the app"
      effect="Its git address changes with it."
      name={app.name}
      check={checks.AppUpdate.name}
      why={why}
      reread={() => queries.invalidateQueries({ queryKey: [{ _id: "appGet" }] })}
      onRename={async (name) => {
        const headers = { "If-Match": `"${app.generation}"` };
        await appUpdate({ path, headers, body: { name }, throwOnError: true });
        await queries.invalidateQueries({ queryKey: [{ _id: "appList" }] });
        await navigate({ to: "/apps/$app/-/settings", params: { app: name }, replace: true });
      }}
    />
  );
}

const LABEL = /^([^=\s]+)\s*=\s*(.*)$/;

/** Labels as lines. */
function linesOf(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");
}

function Labels({ app, path }: { app: App; path: AppPath }) {
  const why = useWhyNot()("settings");
  const queries = useQueryClient();
  const lines = (text: string) =>
    text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  const handle = useApiForm({
    initial: { labels: linesOf(app.labels) },
    why,
    reread: () => queries.invalidateQueries({ queryKey: [{ _id: "appGet" }] }),
    validate: {
      labels: (text) => {
        if (lines(text).length > 50) return "At most 50 labels.";
        const wrong = lines(text).find((line) => !LABEL.test(line));
        if (wrong) return `“${wrong.slice(0, 60)}” is no label: tier=gold.`;
        return labelsCheck(text);
      },
    },
    send: async ({ labels }) => {
      const pairs = lines(labels).map((line) => {
        const [, key = "", value = ""] = LABEL.exec(line) ?? [];
        return [key, value] as const;
      });
      await appUpdate({
        path,
        headers: { "If-Match": `"${app.generation}"` },
        body: { labels: Object.fromEntries(pairs) },
        throwOnError: true,
      });
      await queries.invalidateQueries();
      toast({ message: "The labels are saved.", color: "green" });
    },
  });
  const { form, busy } = handle;
  return (
    <Card title="Labels" flush>
      <Form of={handle} className={classes.form}>
        <Textarea
          label="One a line, key=value"
          rows={3}
          w={320}
          spellCheck={false}
          {...form.getInputProps("labels")}
        />
        <Act type="submit" variant="default" loading={busy} why={why}>
          Save
        </Act>
      </Form>
    </Card>
  );
}

function Remove({ app, path }: { app: App; path: AppPath }) {
  const why = useWhyNot()("delete");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const envs = useQuery(environmentListOptions({ path, query: { limit: 100 } }));
  const items = envs.data?.items ?? [];
  const kept = items.find((env) => env.protected)?.name;
  const remove = async () => {
    // The tag of the newest state: whoever deletes has just read what is there.
    const { response } = await appGet({ path, throwOnError: true });
    const headers = { "If-Match": response.headers.get("ETag") ?? `"${app.generation}"` };
    await appDelete({ path, headers, throwOnError: true });
    await queries.invalidateQueries();
    await navigate({ to: "/apps" });
  };
  return (
    <Card title="Delete the app" flush>
      <div className={classes.form}>
        <span>With its environments, releases, configuration, secrets and logs.</span>
        <Act
          color="red"
          variant="default"
          why={why ?? (kept ? `${kept} is protected, so the app stays.` : undefined)}
          onClick={() => setAsking(true)}
        >
          Delete app
        </Act>
      </div>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete ${app.name}?`}
        deed="Delete it for good"
        type={app.name}
        onConfirm={remove}
      >
        Stops every instance of {count(items.length, "environment")}
        {items.length > 0 && ` (${items.map((env) => env.name).join(", ")})`} and deletes their
        releases, configuration, secrets and logs. Its addresses stop answering. This cannot be
        taken back.
      </Confirm>
    </Card>
  );
}

export function AppSettings() {
  return (
    <AppFrame>
      {(app, path) => (
        <Page
          title="Settings"
          name={`Settings of ${path.app}`}
          sub={path.app}
          command={`segue apps show ${path.app} -t ${path.team}`}
        >
          <Name key={app.name} app={app} path={path} />
          <Labels app={app} path={path} />
          <Remove app={app} path={path} />
        </Page>
      )}
    </AppFrame>
  );
}
