// Every address of the dashboard. Screens are loaded when they are first opened; the address holds all state
// that somebody may want to send to a colleague.

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import { current, refresh } from "../api/session";
import { FaultBox } from "../components/FaultBox";
import { NOTHING, NOTHING_WHY } from "../components/NotFound";
import { chunk } from "../lib/chunk";
import { insist } from "../lib/insist";
import type { LogSearch } from "../screens/logs/Logs";
import { Outside } from "./Outside";
import { Shell } from "./shell/Shell";

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: () => (
    <Outside title={NOTHING} sub={NOTHING_WHY}>
      <a href="/apps">To the apps</a>
    </Outside>
  ),
  errorComponent: ({ error }) => (
    <Outside
      title="The page broke"
      sub="This is a fault of the dashboard; nothing happened to your apps."
    >
      <FaultBox error={error} onRetry={() => window.location.reload()} />
    </Outside>
  ),
});

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;

const outside = <P extends string>(path: P, component: ReturnType<typeof lazyRouteComponent>) =>
  createRoute({ getParentRoute: () => root, path, component });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({
    next: text(search.next),
  }),
  component: lazyRouteComponent(() => chunk(() => import("../screens/login/Login")), "Login"),
});
const setup = outside(
  "/setup",
  lazyRouteComponent(() => chunk(() => import("../screens/setup/Setup")), "Setup"),
);

const reset = outside(
  "/reset",
  lazyRouteComponent(() => chunk(() => import("../screens/reset/Reset")), "Reset"),
);
const invite = outside(
  "/invite",
  lazyRouteComponent(() => chunk(() => import("../screens/invite/Invite")), "Invite"),
);

/** Everything for signed-in people. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  validateSearch: (search: Record<string, unknown>): { team?: string } => ({
    team: text(search.team),
  }),
  search: { middlewares: [retainSearchParams(["team"])] },
  beforeLoad: async ({ location }) => {
    // Only what says that the server was not reached, or is in trouble, is worth another try.
    if (current().status === "unknown")
      await insist(refresh, (error) => error instanceof TypeError);
    if (current().status !== "signed-in")
      throw redirect({ to: "/login", search: { next: location.href } });
  },
  component: Shell,
  pendingComponent: () => (
    <Outside
      title="Connecting"
      sub="The server does not answer yet. This page goes on by itself when it does."
    />
  ),
});

const page = <P extends string>(path: P, component: ReturnType<typeof lazyRouteComponent>) =>
  createRoute({ getParentRoute: () => inside, path, component });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: () => <Navigate to="/apps" replace />,
});

const env = createRoute({
  getParentRoute: () => inside,
  path: "/apps/$app/$env",
  component: lazyRouteComponent(() => chunk(() => import("../screens/env/Env")), "Env"),
});
const part = <P extends string>(path: P, component: ReturnType<typeof lazyRouteComponent>) =>
  createRoute({ getParentRoute: () => env, path, component });

const overview = part(
  "/",
  lazyRouteComponent(() => chunk(() => import("../screens/overview/Overview")), "Overview"),
);
const deployments = part(
  "/deployments",
  lazyRouteComponent(
    () => chunk(() => import("../screens/deployments/Deployments")),
    "Deployments",
  ),
);
const deployment = part(
  "/deployments/$number",
  lazyRouteComponent(() => chunk(() => import("../screens/deployment/Deployment")), "Deployment"),
);

const logs = createRoute({
  getParentRoute: () => env,
  path: "/logs",
  validateSearch: (search: Record<string, unknown>): LogSearch => ({
    service: text(search.service),
    contains: text(search.contains),
    since: text(search.since),
    at: text(search.at),
    instance: text(search.instance),
  }),
  component: lazyRouteComponent(() => chunk(() => import("../screens/logs/Logs")), "Logs"),
});
const config = part(
  "/config",
  lazyRouteComponent(() => chunk(() => import("../screens/config/Config")), "Config"),
);
const secrets = part(
  "/secrets",
  lazyRouteComponent(() => chunk(() => import("../screens/secrets/Secrets")), "Secrets"),
);
const runs = part(
  "/runs",
  lazyRouteComponent(() => chunk(() => import("../screens/runs/Runs")), "Runs"),
);
const run = part(
  "/runs/$number",
  lazyRouteComponent(() => chunk(() => import("../screens/runs/Run")), "RunPage"),
);
const envSettings = part(
  "/settings",
  lazyRouteComponent(() => chunk(() => import("../screens/env/Settings")), "EnvSettings"),
);
const releases = part(
  "/releases",
  lazyRouteComponent(() => chunk(() => import("../screens/releases/Releases")), "Releases"),
);

const apps = page(
  "/apps",
  lazyRouteComponent(() => chunk(() => import("../screens/apps/Apps")), "Apps"),
);
const app = page(
  "/apps/$app",
  lazyRouteComponent(() => chunk(() => import("../screens/app/App")), "AppPage"),
);
// No environment can be called `-`, so these names are free for ever.
const sources = page(
  "/apps/$app/-/sources",
  lazyRouteComponent(() => chunk(() => import("../screens/app/Sources")), "Sources"),
);
const holds = page(
  "/apps/$app/-/holds",
  lazyRouteComponent(() => chunk(() => import("../screens/app/Holds")), "Holds"),
);
const appSettings = page(
  "/apps/$app/-/settings",
  lazyRouteComponent(() => chunk(() => import("../screens/app/Settings")), "AppSettings"),
);
const activity = createRoute({
  getParentRoute: () => inside,
  path: "/activity",
  validateSearch: (search: Record<string, unknown>): { app?: string } => ({
    app: text(search.app),
  }),
  component: lazyRouteComponent(
    () => chunk(() => import("../screens/activity/Activity")),
    "Activity",
  ),
});
const hosts = page(
  "/hosts",
  lazyRouteComponent(() => chunk(() => import("../screens/hosts/Hosts")), "Hosts"),
);
const team = page(
  "/team",
  lazyRouteComponent(() => chunk(() => import("../screens/team/Team")), "Team"),
);
const newTeam = page(
  "/teams/new",
  lazyRouteComponent(() => chunk(() => import("../screens/team/NewTeam")), "NewTeam"),
);
const teamTokens = page(
  "/team/tokens",
  lazyRouteComponent(() => chunk(() => import("../screens/team/Tokens")), "TeamTokens"),
);
const credentials = page(
  "/team/credentials",
  lazyRouteComponent(() => chunk(() => import("../screens/team/Credentials")), "Credentials"),
);
const notifications = page(
  "/team/notifications",
  lazyRouteComponent(() => chunk(() => import("../screens/team/Notifications")), "Notifications"),
);
const teamSettings = page(
  "/team/settings",
  lazyRouteComponent(() => chunk(() => import("../screens/team/Settings")), "TeamSettings"),
);
const audit = page(
  "/team/audit",
  lazyRouteComponent(() => chunk(() => import("../screens/team/Audit")), "Audit"),
);
const account = page(
  "/account",
  lazyRouteComponent(() => chunk(() => import("../screens/account/Account")), "Account"),
);

const device = createRoute({
  getParentRoute: () => inside,
  path: "/device",
  validateSearch: (search: Record<string, unknown>): { code?: string } => ({
    code: text(search.code),
  }),
  component: lazyRouteComponent(() => chunk(() => import("../screens/device/Device")), "Device"),
});
const newApp = page(
  "/apps/new",
  lazyRouteComponent(() => chunk(() => import("../screens/newapp/NewApp")), "NewApp"),
);

const tree = root.addChildren([
  home,
  login,
  setup,
  invite,
  reset,
  inside.addChildren([
    apps,
    newApp,
    app,
    sources,
    holds,
    appSettings,
    device,
    activity,
    hosts,
    team,
    newTeam,
    teamTokens,
    credentials,
    notifications,
    teamSettings,
    audit,
    account,
    env.addChildren([
      overview,
      deployments,
      deployment,
      logs,
      config,
      secrets,
      releases,
      runs,
      run,
      envSettings,
    ]),
  ]),
]);

/** The router. */
export const router = createRouter({
  routeTree: tree,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
