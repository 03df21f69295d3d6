// The frame of an app's own pages: tabs, and the one page for what is not there in the place of all of them.

import type { App } from "@segue/client";
import { appGetOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTeam } from "../../api/hooks";
import shell from "../../app/shell/shell.module.css";
import { HoldNote } from "../../components/HoldNote";
import { Loading } from "../../components/Loading";
import { PageFault } from "../../components/NotFound";

/** Names of team and app, as paths of the API take them. */
export interface AppPath {
  team: string;
  app: string;
}

const TABS = [
  ["/apps/$app", "Environments"],
  ["/apps/$app/-/sources", "Sources"],
  ["/apps/$app/-/holds", "Locks"],
  ["/apps/$app/-/settings", "Settings"],
] as const;

export function AppFrame({ children }: { children: (app: App, path: AppPath) => ReactNode }) {
  const team = useTeam();
  const { app = "" } = useParams({ strict: false }) as { app?: string };
  const path = { team: team.name, app };
  const found = useQuery(appGetOptions({ path }));
  if (found.isPending) return <Loading lines={5} />;
  if (found.isError) return <PageFault error={found.error} onRetry={() => found.refetch()} />;
  return (
    <>
      <nav className={shell.tabs} aria-label={app}>
        {TABS.map(([to, label]) => (
          <Link
            key={to}
            to={to}
            params={{ app }}
            className={shell.tab}
            activeOptions={{ exact: true, includeSearch: false }}
            activeProps={{ "aria-current": "page" }}
          >
            {label}
          </Link>
        ))}
      </nav>
      <HoldNote path={path} />
      {children(found.data, path)}
    </>
  );
}
