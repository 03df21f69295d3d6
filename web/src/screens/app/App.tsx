// One app: its environments, where to push, and the way to delete it.

import { Anchor } from "@mantine/core";
import { appDelete, appGet } from "@segue/client";
import { appGetOptions, environmentListOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTeam, useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Card, Empty, Table } from "../../components/Card";
import { Command } from "../../components/Command";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { count } from "../../lib/format";
import { environmentVerdict } from "../../lib/health";
import { NewEnv } from "./NewEnv";

export function AppPage() {
  const team = useTeam();
  const { app = "" } = useParams({ strict: false }) as { app?: string };
  const path = { team: team.name, app };
  const whyNot = useWhyNot();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [asking, setAsking] = useState<"delete" | "env">();
  const found = useQuery(appGetOptions({ path }));
  const envs = useQuery(environmentListOptions({ path, query: { limit: 100 } }));
  if (found.isPending) return <Loading lines={5} />;
  if (found.isError) return <FaultBox error={found.error} onRetry={() => found.refetch()} />;
  const items = envs.data?.items ?? [];
  const remove = async () => {
    // The tag of the newest state: whoever deletes has just read what is there.
    const { response } = await appGet({ path, throwOnError: true });
    const headers = { "If-Match": response.headers.get("ETag") ?? `"${found.data.generation}"` };
    await appDelete({ path, headers, throwOnError: true });
    await queries.invalidateQueries();
    await navigate({ to: "/apps" });
  };
  return (
    <Page
      title={app}
      sub={
        found.data.repo
          ? `${found.data.repo.url}${found.data.repo.branch ? ` · ${found.data.repo.branch}` : ""}`
          : `Team ${team.name}`
      }
      command={`segue envs list -a ${app} -t ${team.name}`}
      actions={
        <>
          <Act why={whyNot("create")} onClick={() => setAsking("env")}>
            New environment
          </Act>
          <Act variant="default" why={whyNot("delete")} onClick={() => setAsking("delete")}>
            Delete app
          </Act>
        </>
      }
    >
      <Card title={count(items.length, "environment")} flush>
        {envs.isPending && <Loading />}
        {envs.isError && <FaultBox error={envs.error} onRetry={() => envs.refetch()} />}
        {envs.isSuccess && items.length === 0 && (
          <Empty>
            No environment yet; the first <code>segue up -a {app}</code> makes production.
          </Empty>
        )}
        {items.length > 0 && (
          <Table label="Environments" head={["Environment", "Kind", "State", "Release", "Address"]}>
            {items.map((env) => {
              const { tone, word } = environmentVerdict(env);
              return (
                <tr key={env.id}>
                  <td>
                    <Anchor
                      size="sm"
                      renderRoot={(props) => (
                        <Link to="/apps/$app/$env" params={{ app, env: env.name }} {...props} />
                      )}
                    >
                      {env.name}
                    </Anchor>
                    {env.protected && (
                      <div className={classes.reason}>protected: only admins change it</div>
                    )}
                  </td>
                  <td>{env.kind}</td>
                  <td>
                    <Status tone={tone}>{word}</Status>
                  </td>
                  <td>{env.serving ? `v${env.serving}` : "–"}</td>
                  <td>
                    {env.urls[0] ? (
                      <Anchor size="sm" href={env.urls[0]}>
                        {env.urls[0]}
                      </Anchor>
                    ) : (
                      "–"
                    )}
                  </td>
                </tr>
              );
            })}
          </Table>
        )}
      </Card>
      <Card title="Push to deploy">
        <Command text={`git remote add segue ${found.data.git_url}`} />
      </Card>
      <NewEnv path={path} opened={asking === "env"} onClose={() => setAsking(undefined)} />
      <Confirm
        opened={asking === "delete"}
        onClose={() => setAsking(undefined)}
        title={`Delete ${app}?`}
        deed="Delete it for good"
        type={app}
        onConfirm={remove}
      >
        Stops every instance of {count(items.length, "environment")}
        {items.length > 0 && ` (${items.map((env) => env.name).join(", ")})`} and deletes their
        releases, configuration, secrets and logs. Its addresses stop answering. This cannot be
        taken back.
      </Confirm>
    </Page>
  );
}
