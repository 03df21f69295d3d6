// An environment's own settings: its addresses, who may change it, how long it lives, and its end.

import { Anchor, Group, TextInput } from "@mantine/core";
import {
  type Environment,
  type EnvironmentUpdate,
  environmentDelete,
  environmentGet,
  environmentUpdate,
} from "@segue/client";
import { environmentGetQueryKey, specGetOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card, Table } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { toast } from "../../components/toast";
import { daysCheck } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { type Place, useEnv, usePlace } from "./place";

/** Changes the environment as it was shown. */
function useChange(place: Place, env: Environment) {
  const queries = useQueryClient();
  return async (body: EnvironmentUpdate) => {
    const { data } = await environmentUpdate({
      path: place,
      headers: { "If-Match": `"${env.generation}"` },
      body,
      throwOnError: true,
    });
    queries.setQueryData(environmentGetQueryKey({ path: place }), data);
    await queries.invalidateQueries({ queryKey: [{ _id: "environmentList" }] });
  };
}

function Addresses({ place, env }: { place: Place; env: Environment }) {
  const spec = useQuery(specGetOptions({ path: place }));
  const wished = Object.entries(spec.data?.spec.services ?? {}).flatMap(([service, one]) =>
    (one.domains ?? []).map((domain) => ({ service, domain })),
  );
  const hosts = env.urls.map((url) => new URL(url).hostname);
  const rows = [
    ...env.urls
      .filter((url) => !wished.some((one) => new URL(url).hostname === one.domain))
      .map((url) => ({ url, name: new URL(url).hostname, service: "–", from: "Segue" })),
    ...wished.map(({ service, domain }) => ({
      url: env.urls.find((url) => new URL(url).hostname === domain),
      name: domain,
      service,
      from: "segue.toml",
    })),
  ];
  return (
    <Card title="Addresses" flush>
      <Table label="Addresses" head={["Name", "Service", "Given by", "State"]}>
        {rows.map((row) => (
          <tr key={`${row.name} ${row.service}`}>
            <td>
              {row.url ? (
                <Anchor size="sm" href={row.url} target="_blank" rel="noreferrer">
                  {row.name}
                </Anchor>
              ) : (
                row.name
              )}
            </td>
            <td>{row.service}</td>
            <td>{row.from}</td>
            <td>
              {hosts.includes(row.name) ? (
                <Status tone="ok">routed</Status>
              ) : (
                <Status tone="idle">after the next deployment</Status>
              )}
            </td>
          </tr>
        ))}
      </Table>
      <p className={classes.form}>
        <span>
          More names: <code>domains = ["shop.example.com"]</code> in the service’s part of
          segue.toml, and its DNS to this server.
        </span>
      </p>
    </Card>
  );
}

function Protection({ place, env }: { place: Place; env: Environment }) {
  const why = useWhyNot()("protect");
  const change = useChange(place, env);
  const [asking, setAsking] = useState(false);
  const on = env.protected;
  return (
    <Card title="Protection" flush>
      <div className={classes.form}>
        <Status tone={on ? "ok" : "idle"}>{on ? "protected" : "not protected"}</Status>
        <span>
          {on
            ? "Admins and owners change it, and people with a role on this very environment. It is not removed, nor is its app."
            : "Everybody who may deploy in the team may change it."}
        </span>
        <Act
          variant="default"
          why={
            why ??
            (!on && env.expires_at ? "It has a time to live; take that away first." : undefined)
          }
          onClick={() => setAsking(true)}
        >
          {on ? "Take the protection away" : "Protect it"}
        </Act>
      </div>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={on ? `Take the protection of ${env.name} away?` : `Protect ${env.name}?`}
        deed={on ? "Take it away" : "Protect it"}
        harmless={!on}
        onConfirm={() => change({ protected: !on })}
      >
        {on
          ? "Deployers change, stop and remove it again."
          : "Deployers see it, and change nothing here any more: no deployment, no scale, no configuration."}
      </Confirm>
    </Card>
  );
}

function Life({ place, env }: { place: Place; env: Environment }) {
  const whyNot = useWhyNot();
  const queries = useQueryClient();
  const change = useChange(place, env);
  const why =
    whyNot("settings", env.protected) ??
    (env.protected ? "A protected environment lives until its protection is gone." : undefined);
  const handle = useApiForm({
    initial: { days: env.ttl ? String(Math.max(1, Math.round(env.ttl / 86_400))) : "" },
    validate: { days: (text) => (text.trim() === "" ? null : daysCheck(text)) },
    why,
    pointers: { ttl: "days" },
    reread: () => queries.invalidateQueries({ queryKey: [{ _id: "environmentGet" }] }),
    send: async ({ days }) => {
      const ttl = days.trim() === "" ? null : Number(days) * 86_400;
      await change({ ttl });
      toast({
        message: ttl ? "It is removed when that time is over." : "It lives until it is removed.",
        color: "green",
      });
    },
  });
  const { form, busy } = handle;
  return (
    <Card title="Time to live" flush>
      <Form of={handle} className={classes.form}>
        <span>
          {env.branch && (
            <>
              Follows the branch <code>{env.branch}</code>; each push begins its time anew.{" "}
            </>
          )}
          {env.expires_at ? (
            <>
              Removed <Ago at={env.expires_at} />.
            </>
          ) : (
            "Lives until somebody removes it."
          )}
        </span>
        <TextInput
          label="Days from now"
          placeholder="without end"
          inputMode="numeric"
          autoComplete="off"
          {...form.getInputProps("days")}
        />
        <Act type="submit" variant="default" why={why} loading={busy}>
          Change it
        </Act>
      </Form>
    </Card>
  );
}

function Remove({ place, env }: { place: Place; env: Environment }) {
  const whyNot = useWhyNot();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const why =
    whyNot("delete", env.protected) ??
    (env.protected ? "It is protected; take that away first." : undefined);
  return (
    <Card title="Delete the environment" flush>
      <div className={classes.form}>
        <span>With its releases, configuration, secrets and logs.</span>
        <Act color="red" variant="default" why={why} onClick={() => setAsking(true)}>
          Delete environment
        </Act>
      </div>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete ${place.app} ${env.name}?`}
        deed="Delete it for good"
        type={env.name}
        onConfirm={async () => {
          const { response } = await environmentGet({ path: place, throwOnError: true });
          const headers = { "If-Match": response.headers.get("ETag") ?? `"${env.generation}"` };
          await environmentDelete({ path: place, headers, throwOnError: true });
          await navigate({ to: "/apps/$app", params: { app: place.app } });
          await queries.invalidateQueries();
        }}
      >
        Stops its instances; its addresses stop answering and stay its own. Releases, configuration,
        secrets and logs are deleted a day later. This cannot be taken back.
      </Confirm>
    </Card>
  );
}

export function EnvSettings() {
  const place = usePlace();
  const env = useEnv();
  return (
    <Page
      title="Settings"
      name={`Settings of ${place.app} ${place.env}`}
      sub={
        <Group gap="xs">
          {place.app} {place.env} · {env.kind}
          {env.cloned_from && ` · made after ${env.cloned_from}`}
        </Group>
      }
      command={`segue envs show ${place.env} -a ${place.app} -t ${place.team}`}
    >
      <Addresses place={place} env={env} />
      <Protection place={place} env={env} />
      <Life place={place} env={env} />
      <Card title="Locks and freeze windows">
        <Link to="/apps/$app/-/holds" params={{ app: place.app }}>
          When nothing is deployed here
        </Link>
      </Card>
      <Remove place={place} env={env} />
    </Page>
  );
}
