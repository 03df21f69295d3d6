// One app: its environments, and what each serves.

import { Anchor, Stack } from "@mantine/core";
import type { App, Environment } from "@segue/client";
import { environmentListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useHolds } from "../../api/holds";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Command } from "../../components/Command";
import classes from "../../components/components.module.css";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { count } from "../../lib/format";
import { environmentVerdict } from "../../lib/health";
import { holdNow } from "../../lib/holds";
import { useNow } from "../../lib/now";
import { AppFrame, type AppPath } from "./AppFrame";
import { NewEnv } from "./NewEnv";

function Row({ env, path }: { env: Environment; path: AppPath }) {
  const { locks, windows } = useHolds(path);
  const now = useNow();
  const hold = holdNow(env.id, locks.data?.items ?? [], windows.data?.items ?? [], now);
  const { tone, word } = environmentVerdict(env);
  return (
    <tr>
      <td>
        <Anchor
          size="sm"
          renderRoot={(props) => (
            <Link to="/apps/$app/$env" params={{ app: path.app, env: env.name }} {...props} />
          )}
        >
          {env.name}
        </Anchor>
        {env.protected && <div className={classes.reason}>protected: only admins change it</div>}
        {hold && (
          <div className={classes.reason}>
            {hold.what} by {hold.by}: {hold.reason}
          </div>
        )}
      </td>
      <td>
        {env.kind}
        {env.branch && (
          <div className={classes.reason}>
            of <code>{env.branch}</code>
          </div>
        )}
        {env.expires_at && (
          <div className={classes.reason}>
            removed <Ago at={env.expires_at} />
          </div>
        )}
      </td>
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
}

function Environments({ app, path }: { app: App; path: AppPath }) {
  const whyNot = useWhyNot();
  const [asking, setAsking] = useState(false);
  const envs = useQuery(environmentListOptions({ path, query: { limit: 100 } }));
  const items = envs.data?.items ?? [];
  return (
    <Page
      title={path.app}
      sub={
        app.repo
          ? `${app.repo.url}${app.repo.branch ? ` · ${app.repo.branch}` : ""}`
          : `Team ${path.team}`
      }
      command={`segue envs list -a ${path.app} -t ${path.team}`}
      actions={
        <Act why={whyNot("create")} onClick={() => setAsking(true)}>
          New environment
        </Act>
      }
    >
      <Card title={count(items.length, "environment")} flush>
        <Listing
          of={envs}
          count={items.length}
          none={
            <>
              No environment yet; the first <code>segue up -a {path.app}</code> makes production.
            </>
          }
          label="Environments"
          head={["Environment", "Kind", "State", "Release", "Address"]}
        >
          {items.map((env) => (
            <Row key={env.id} env={env} path={path} />
          ))}
        </Listing>
      </Card>
      <Card title="Push to deploy">
        <Stack gap="xs">
          <Command text={`git remote add segue ${app.git_url}`} />
          <Command text="git push segue main" />
        </Stack>
      </Card>
      <NewEnv path={path} envs={items} opened={asking} onClose={() => setAsking(false)} />
    </Page>
  );
}

export function AppPage() {
  return <AppFrame>{(app, path) => <Environments app={app} path={path} />}</AppFrame>;
}
