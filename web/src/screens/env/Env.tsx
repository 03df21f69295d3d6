// The frame of an environment's pages: tabs, and an error in the place of all of them if it is not there.

import { environmentGetOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import shell from "../../app/shell/shell.module.css";
import { HoldNote } from "../../components/HoldNote";
import { Loading } from "../../components/Loading";
import { PageFault } from "../../components/NotFound";
import { usePlace } from "./place";

const TABS = [
  ["/apps/$app/$env", "Overview"],
  ["/apps/$app/$env/deployments", "Deployments"],
  ["/apps/$app/$env/logs", "Logs"],
  ["/apps/$app/$env/config", "Config"],
  ["/apps/$app/$env/secrets", "Secrets"],
  ["/apps/$app/$env/releases", "Releases"],
  ["/apps/$app/$env/runs", "Runs"],
  ["/apps/$app/$env/settings", "Settings"],
] as const;

export function Env() {
  const place = usePlace();
  const env = useQuery(environmentGetOptions({ path: place }));
  if (env.isPending) return <Loading lines={6} />;
  if (env.isError) return <PageFault error={env.error} onRetry={() => env.refetch()} />;
  return (
    <>
      <nav className={shell.tabs} aria-label={`${place.app} ${place.env}`}>
        {TABS.map(([to, label]) => (
          <Link
            key={to}
            to={to}
            params={{ app: place.app, env: place.env }}
            className={shell.tab}
            activeOptions={{ exact: label === "Overview", includeSearch: false }}
            activeProps={{ "aria-current": "page" }}
          >
            {label}
          </Link>
        ))}
      </nav>
      <HoldNote path={place} env={env.data.id} />
      <Outlet />
    </>
  );
}
