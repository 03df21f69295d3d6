// All apps of the team with their environments, failing first.

import { Anchor, Button } from "@mantine/core";
import {
  appListInfiniteOptions,
  deploymentListOptions,
  environmentListOptions,
} from "@segue/client/query";
import { useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTeam, useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card, Table } from "../../components/Card";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { IconOut } from "../../components/icons";
import { Loading } from "../../components/Loading";
import { More } from "../../components/More";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { number } from "../../lib/format";
import { byNeed, environmentVerdict } from "../../lib/health";
import { pagesAt } from "../../lib/pages";
import { FirstSteps } from "./FirstSteps";

export function Apps() {
  const team = useTeam();
  const whyNot = useWhyNot();
  const apps = useInfiniteQuery({
    ...appListInfiniteOptions({ path: { team: team.name }, query: { limit: 50 } }),
    ...pagesAt({ team: team.name }),
  });
  const names = apps.data?.pages.flatMap((page) => page.items.map((app) => app.name)) ?? [];
  const envs = useQueries({
    queries: names.map((app) =>
      environmentListOptions({ path: { team: team.name, app }, query: { limit: 50 } }),
    ),
  });
  const pairs = names.flatMap((app, index) =>
    (envs[index]?.data?.items ?? []).map((env) => ({ app, env })),
  );
  const newest = useQueries({
    queries: pairs.map(({ app, env }) =>
      deploymentListOptions({ path: { team: team.name, app, env: env.name }, query: { limit: 1 } }),
    ),
  });
  const rows = pairs
    .map(({ app, env }, index) => {
      const deployment = newest[index]?.data?.items[0];
      return { app, env, deployment, verdict: environmentVerdict(env, deployment) };
    })
    .sort((a, b) => byNeed(a.verdict, b.verdict) || a.app.localeCompare(b.app));
  const bare = names.filter(
    (app, index) => envs[index]?.data?.items.length === 0 && !rows.some((row) => row.app === app),
  );
  const why = whyNot("create");
  const fresh = apps.isSuccess && names.length === 0;
  return (
    <Page
      title="Apps"
      sub={`Team ${team.name}`}
      command={`segue apps -t ${team.name}`}
      actions={
        why ? (
          <Act why={why}>New app</Act>
        ) : (
          <Button renderRoot={(props) => <Link to="/apps/new" {...props} />}>New app</Button>
        )
      }
    >
      {apps.isPending && <Loading lines={5} />}
      {apps.isError && <FaultBox error={apps.error} onRetry={() => apps.refetch()} />}
      {fresh && <FirstSteps team={team.name} />}
      {(rows.length > 0 || bare.length > 0) && (
        <Card title={`${names.length} ${names.length === 1 ? "app" : "apps"}`} flush>
          <Table
            label="Apps"
            head={["App", "State", "Release", "Address", "Requests/min", "Deployment"]}
          >
            {rows.map(({ app, env, deployment, verdict }) => (
              <tr key={env.id}>
                <td>
                  <Anchor
                    size="sm"
                    renderRoot={(props) => (
                      <Link to="/apps/$app/$env" params={{ app, env: env.name }} {...props} />
                    )}
                  >
                    {app}
                  </Anchor>{" "}
                  <span className={classes.muted}>{env.name}</span>
                </td>
                <td>
                  <Status tone={verdict.tone}>{verdict.word}</Status>
                </td>
                <td>{env.serving ? `v${env.serving}` : "–"}</td>
                <td>
                  {env.urls[0] ? (
                    <Anchor size="sm" href={env.urls[0]} target="_blank" rel="noreferrer">
                      {env.urls[0].replace(/^https?:\/\//, "")}
                      {"\u00a0"}
                      <IconOut />
                    </Anchor>
                  ) : (
                    "–"
                  )}
                </td>
                <td>
                  {env.requests_per_minute === undefined ? "–" : number(env.requests_per_minute)}
                </td>
                <td>
                  {deployment ? (
                    <>
                      <Anchor
                        size="sm"
                        renderRoot={(props) => (
                          <Link
                            to="/apps/$app/$env/deployments/$number"
                            params={{ app, env: env.name, number: String(deployment.number) }}
                            {...props}
                          />
                        )}
                      >
                        #{deployment.number}
                      </Anchor>{" "}
                      <span className={classes.muted}>
                        <Ago at={deployment.created_at} />
                      </span>
                    </>
                  ) : (
                    "–"
                  )}
                </td>
              </tr>
            ))}
            {bare.map((app) => (
              <tr key={app}>
                <td>
                  <Anchor
                    size="sm"
                    renderRoot={(props) => <Link to="/apps/$app" params={{ app }} {...props} />}
                  >
                    {app}
                  </Anchor>
                </td>
                <td>
                  <Status tone="idle">no environment</Status>
                </td>
                <td>–</td>
                <td>–</td>
                <td>–</td>
                <td>–</td>
              </tr>
            ))}
          </Table>
        </Card>
      )}
      <More list={apps} label="More apps" />
    </Page>
  );
}
