// An environment at a glance: one sentence, what is wrong, services with their scale, what happened last.

import { Anchor, Group, Stack } from "@mantine/core";
import { deploymentCreate, environmentUpdate } from "@segue/client";
import {
  deploymentListOptions,
  environmentGetQueryKey,
  eventListOptions,
  instanceListOptions,
  serviceListOptions,
} from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { eventsOf } from "../../api/events";
import { sentenceOf } from "../../api/problem";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import { Command } from "../../components/Command";
import { Confirm } from "../../components/Confirm";
import { EventList } from "../../components/EventList";
import { FaultBox } from "../../components/FaultBox";
import { IconOut } from "../../components/icons";
import { Loading } from "../../components/Loading";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { toast } from "../../components/toast";
import { count } from "../../lib/format";
import { environmentVerdict, passing, sentence, troubles } from "../../lib/health";
import { whole } from "../../lib/pages";
import { flags, useEnv, useHeld, usePlace, useWhyNotHere } from "../env/place";
import { Charts } from "./Charts";
import { Conditions } from "./Conditions";
import { Instances } from "./Instances";
import classes from "./overview.module.css";
import { Services } from "./Services";

export function Overview() {
  const place = usePlace();
  const env = useEnv();
  const why = useWhyNotHere();
  const held = useHeld();
  // Admins may go on in spite of a lock; the dialog then says so.
  const mayOverride = why("freeze") === undefined;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const services = useQuery(whole(serviceListOptions({ path: place })));
  const instances = useQuery(whole(instanceListOptions({ path: place })));
  const newest = useQuery(deploymentListOptions({ path: place, query: { limit: 20 } }));
  const events = useQuery(
    eventListOptions({ query: eventsOf(place.team, { environment: env.id, limit: 8 }) }),
  );
  const [asking, setAsking] = useState<"restart" | "stop">();
  const deployment = newest.data?.items[0];
  const verdict = environmentVerdict(env, deployment);
  const running = (instances.data?.items ?? []).filter((one) => one.desired === "run");
  const fresh =
    env.serving === undefined && newest.data?.items.length === 0 && running.length === 0;
  const hosts = new Set(running.map((one) => one.host_id)).size;
  const setStopped = async (stopped: boolean) => {
    const headers = { "If-Match": `"${env.generation}"` };
    const { data } = await environmentUpdate({
      path: place,
      body: { stopped },
      headers,
      throwOnError: true,
    });
    queries.setQueryData(environmentGetQueryKey({ path: place }), data);
  };
  const start = () =>
    setStopped(false).catch((error: unknown) => {
      toast({
        title: `${place.app} ${place.env} was not started`,
        message: sentenceOf(error),
        color: "red",
      });
    });
  const restart = async () => {
    const { data } = await deploymentCreate({
      path: place,
      body: { restart: [], override: held !== undefined || undefined },
      throwOnError: true,
    });
    await navigate({
      to: "/apps/$app/$env/deployments/$number",
      params: { app: place.app, env: place.env, number: String(data.number) },
    });
  };
  return (
    <Page
      name={`${place.app} ${place.env}`}
      title={
        <>
          {place.app} {place.env} <Status tone={verdict.tone}>{verdict.word}</Status>
        </>
      }
      sub={services.data ? sentence(env, services.data.items, hosts) : " "}
      command={`segue status ${flags(place)}`}
      actions={
        <>
          <Act
            variant="default"
            why={
              why("deploy") ??
              (env.serving ? undefined : "Nothing has been deployed here yet.") ??
              (mayOverride ? undefined : held)
            }
            onClick={() => setAsking("restart")}
          >
            Restart
          </Act>
          {env.stopped ? (
            <Act why={why("configure")} onClick={() => void start()}>
              Start
            </Act>
          ) : (
            <Act variant="default" why={why("configure")} onClick={() => setAsking("stop")}>
              Stop
            </Act>
          )}
        </>
      }
    >
      {env.urls.length > 0 && (
        <Group gap="md">
          {env.urls.map((url) => (
            <Anchor key={url} href={url} target="_blank" rel="noreferrer">
              {url} <IconOut />
            </Anchor>
          ))}
        </Group>
      )}
      <Conditions of={troubles(env)} label="What is not as it should be" />
      <Conditions of={passing(env)} label="Under way" calm />
      {deployment?.failure && ["failed", "rolled_back"].includes(deployment.state) && (
        <div className={classes.failed}>
          <strong>
            <Link
              to="/apps/$app/$env/deployments/$number"
              params={{ app: place.app, env: place.env, number: String(deployment.number) }}
            >
              Deployment #{deployment.number}
            </Link>{" "}
            {deployment.state === "failed" ? "failed" : "was rolled back"}:{" "}
            {deployment.failure.sentence}
          </strong>
          <p>
            {env.serving ? `v${env.serving} still serves. ` : ""}→ {deployment.failure.hint}
          </p>
        </div>
      )}
      {fresh && (
        <Card title="What now">
          <Stack gap="xs">
            <span>Deploy the first time, in the folder of the app:</span>
            <Command text={`segue up ${flags(place)}`} />
            <span>
              Or take on what runs in another environment: open its newest{" "}
              <Link to="/apps/$app" params={{ app: place.app }}>
                deployment
              </Link>
              , and promote it. What it needs is set under{" "}
              <Link to="/apps/$app/$env/config" params={{ app: place.app, env: place.env }}>
                Config
              </Link>{" "}
              and{" "}
              <Link to="/apps/$app/$env/secrets" params={{ app: place.app, env: place.env }}>
                Secrets
              </Link>
              .
            </span>
          </Stack>
        </Card>
      )}
      {!fresh && (
        <>
          <Card title="Services" flush>
            {services.isPending && <Loading />}
            {services.isError && (
              <FaultBox error={services.error} onRetry={() => services.refetch()} />
            )}
            {services.data && <Services services={services.data.items} instances={running} />}
          </Card>
          <Card title={`Instances · ${count(running.length, "wanted", "wanted")}`} flush>
            {instances.isPending && <Loading />}
            {instances.isError && (
              <FaultBox error={instances.error} onRetry={() => instances.refetch()} />
            )}
            {instances.data && <Instances instances={instances.data.items} />}
          </Card>
          <Charts deployments={newest.data?.items ?? []} />
        </>
      )}
      <Card title="What happened last" actions={<Link to="/activity">All activity</Link>} flush>
        {events.isError && <FaultBox error={events.error} onRetry={() => events.refetch()} />}
        {events.data && <EventList events={[...events.data.items].reverse()} />}
      </Card>
      <Confirm
        opened={asking === "restart"}
        onClose={() => setAsking(undefined)}
        title="Restart every service?"
        deed={held ? "Restart all the same" : "Restart"}
        harmless={!held}
        onConfirm={restart}
      >
        {held && (
          <p>
            <strong>{held}</strong> As an admin you may go on in spite of that; the audit log says
            so.
          </p>
        )}
        {count(running.length, "instance is", "instances are")} replaced one after the other by new
        ones of the same release. No request is lost where a service has a health check.
      </Confirm>
      <Confirm
        opened={asking === "stop"}
        onClose={() => setAsking(undefined)}
        title={`Stop ${place.app} ${place.env}?`}
        deed="Stop it"
        onConfirm={() => setStopped(true)}
      >
        Stops {count(running.length, "instance")}; its addresses answer 503 until it is started
        again. Data, releases and configuration are kept.
      </Confirm>
    </Page>
  );
}
