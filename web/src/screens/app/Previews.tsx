// Environments by branch: whether there are any, made after which one, for how long, with which secrets.

import { Checkbox, Group, NativeSelect, TextInput } from "@mantine/core";
import { type App, appUpdate } from "@segue/client";
import { environmentListOptions, secretListOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card, Empty, Table } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Status } from "../../components/Status";
import { toast } from "../../components/toast";
import { checks, daysCheck } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { count } from "../../lib/format";
import { environmentVerdict } from "../../lib/health";
import { whole } from "../../lib/pages";
import type { AppPath } from "./AppFrame";

const DAY = 86_400;

export function Previews({ app, path }: { app: App; path: AppPath }) {
  const whyNot = useWhyNot();
  const queries = useQueryClient();
  const set = app.previews;
  // Whoever names secrets, or changes a setting that names some, has to be an admin.
  const mayNot = (secrets: readonly string[]) =>
    whyNot("settings") ??
    (secrets.length > 0 || (set?.secrets ?? []).length > 0 ? whyNot("members") : undefined);
  const envs = useQuery(environmentListOptions({ path, query: { limit: 100 } }));
  const handle = useApiForm({
    initial: {
      enabled: set?.enabled ?? false,
      secrets: set?.secrets ?? [],
      from: set?.from ?? "production",
      ttl: String(Math.max(1, Math.round((set?.ttl ?? 3 * DAY) / DAY))),
      limit: String(set?.limit ?? 10),
    },
    validate: { ttl: daysCheck, limit: checks.Previews.limit },
    reread: () => queries.invalidateQueries({ queryKey: [{ _id: "appGet" }] }),
    pointers: {
      "previews.from": "from",
      "previews.ttl": "ttl",
      "previews.limit": "limit",
      "previews.secrets": "secrets",
    },
    send: async ({ enabled, secrets, from, ttl, limit }) => {
      const refused = mayNot(secrets);
      if (refused) throw new Error(refused);
      const previews = {
        enabled,
        from,
        ttl: Number(ttl) * DAY,
        limit: Number(limit),
        secrets: secrets.filter((key) => known.includes(key)),
      };
      await appUpdate({
        path,
        headers: { "If-Match": `"${app.generation}"` },
        body: { previews },
        throwOnError: true,
      });
      await queries.invalidateQueries();
      toast({
        message: enabled ? "Pushes of other branches make previews." : "Previews are off.",
        color: "green",
      });
    },
  });
  const { form, busy } = handle;
  const { from, secrets } = form.values;
  const kept = useQuery(whole(secretListOptions({ path: { ...path, env: from } })));
  const known = (kept.data?.items ?? []).map((one) => one.key);
  const all = envs.data?.items ?? [];
  const previews = all.filter((one) => one.branch !== undefined);
  const why = mayNot(secrets);
  return (
    <Card title={`Previews by branch · ${count(previews.length, "one now", "now")}`} flush>
      {previews.length === 0 && (
        <Empty>
          {set?.enabled
            ? "None at present. Push a branch: git push segue my-branch"
            : "Off. When they are on, each pushed branch gets an environment of its own."}
        </Empty>
      )}
      {previews.length > 0 && (
        <Table label="Previews" head={["Preview", "Branch", "State", "Removed"]}>
          {previews.map((env) => {
            const { tone, word } = environmentVerdict(env);
            return (
              <tr key={env.id}>
                <td>
                  <Link to="/apps/$app/$env" params={{ app: path.app, env: env.name }}>
                    {env.name}
                  </Link>
                </td>
                <td>
                  <code>{env.branch}</code>
                </td>
                <td>
                  <Status tone={tone}>{word}</Status>
                </td>
                <td>{env.expires_at ? <Ago at={env.expires_at} /> : "not by itself"}</td>
              </tr>
            );
          })}
        </Table>
      )}
      <Form of={handle} className={classes.form}>
        <Checkbox
          label="A pushed branch makes a preview"
          {...form.getInputProps("enabled", { type: "checkbox" })}
        />
        <NativeSelect
          label="Made after"
          data={all.filter((one) => one.branch === undefined).map((one) => one.name)}
          {...form.getInputProps("from")}
        />
        <TextInput
          label="Days after the last push"
          inputMode="numeric"
          autoComplete="off"
          {...form.getInputProps("ttl")}
        />
        <TextInput
          label="At most at a time"
          inputMode="numeric"
          autoComplete="off"
          {...form.getInputProps("limit")}
        />
        {known.length > 0 && (
          <Checkbox.Group
            label={`Secrets of ${from} that previews get`}
            description="Whoever may push a branch can read these. No other secret exists in a preview."
            {...form.getInputProps("secrets")}
          >
            <Group gap="md" mt={4}>
              {known.map((key) => (
                <Checkbox key={key} value={key} label={key} />
              ))}
            </Group>
          </Checkbox.Group>
        )}
        <Act type="submit" why={why} loading={busy}>
          Save
        </Act>
      </Form>
    </Card>
  );
}
