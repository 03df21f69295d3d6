// The header: where one is, with switchers of team and environment, and the tools.

import {
  ActionIcon,
  Button,
  Menu,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { environmentListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { useSession, useTeam } from "../../api/hooks";
import { sentenceOf } from "../../api/problem";
import { signOut } from "../../api/session";
import icon from "../../assets/icon.svg";
import { IconChevron, IconMoon, IconSearch, IconSun } from "../../components/icons";
import { toast } from "../../components/toast";
import classes from "./shell.module.css";

const Palette = lazy(() => import("./Palette"));

function TeamSwitch() {
  const session = useSession();
  const team = useTeam();
  const navigate = useNavigate();
  const teams = session.status === "signed-in" ? session.teams : [];
  return (
    <Menu position="bottom-start" width={220}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          rightSection={<IconChevron />}
          aria-label={`Team ${team.name}, change`}
        >
          {team.name || "No team"}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Teams</Menu.Label>
        {teams.map((one) => (
          <Menu.Item
            key={one.id}
            aria-current={one.name === team.name || undefined}
            rightSection={<span className="mono">{one.role ?? "single apps"}</span>}
            onClick={() => navigate({ to: "/apps", search: { team: one.name } })}
          >
            {one.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => navigate({ to: "/teams/new", search: true })}>New team</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function EnvSwitch({ app, env }: { app: string; env: string }) {
  const team = useTeam();
  const navigate = useNavigate();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const envs = useQuery(
    environmentListOptions({ path: { team: team.name, app }, query: { limit: 100 } }),
  );
  // The same page of the other environment; a single deployment has no equal there.
  const part = path.split("/")[4] ?? "";
  return (
    <Menu position="bottom-start" width={220}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          rightSection={<IconChevron />}
          aria-label={`Environment ${env}, change`}
        >
          {env}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Environments of {app}</Menu.Label>
        {(envs.data?.items ?? []).map((one) => (
          <Menu.Item
            key={one.id}
            aria-current={one.name === env || undefined}
            onClick={() =>
              navigate({
                href: `/apps/${app}/${one.name}${part ? `/${part}` : ""}?team=${team.name}`,
              })
            }
          >
            {one.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => navigate({ to: "/apps/$app", params: { app }, search: true })}>
          All environments
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <Tooltip label={`Use the ${other} look`}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        onClick={() => setColorScheme(other)}
        aria-label={`Use the ${other} look`}
      >
        {scheme === "dark" ? <IconSun /> : <IconMoon />}
      </ActionIcon>
    </Tooltip>
  );
}

function Account() {
  const session = useSession();
  const navigate = useNavigate();
  if (session.status !== "signed-in") return null;
  const name = session.user.name || session.user.email;
  const leave = () => {
    signOut().catch((error: unknown) =>
      toast({ title: "You are still signed in", message: sentenceOf(error), color: "red" }),
    );
  };
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon variant="light" size="lg" radius="xl" aria-label={`Account of ${name}`}>
          {name.slice(0, 1).toUpperCase()}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{session.user.email}</Menu.Label>
        <Menu.Item onClick={() => navigate({ to: "/account", search: true })}>
          Account and tokens
        </Menu.Item>
        <Menu.Item component="a" href="/docs/api">
          API reference
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={leave}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Search() {
  const [opened, setOpened] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOpened((was) => !was);
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <>
      <Tooltip label="Search and go (Ctrl K)">
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          onClick={() => setOpened(true)}
          aria-label="Search and go, Control K"
        >
          <IconSearch />
        </ActionIcon>
      </Tooltip>
      {opened && (
        <Suspense>
          <Palette onClose={() => setOpened(false)} />
        </Suspense>
      )}
    </>
  );
}

export function Header() {
  const { app, env } = useParams({ strict: false }) as { app?: string; env?: string };
  return (
    <header className={classes.header}>
      <Link to="/apps" className={classes.brand} aria-label="Segue, to the apps">
        <img src={icon} alt="" />
        <span>Segue</span>
      </Link>
      <div className={classes.crumbs}>
        <span className={app ? classes.wide : undefined}>
          <TeamSwitch />
        </span>
        {app && (
          <>
            <span className={`${classes.slash} ${classes.wide}`}>/</span>
            <Link to="/apps/$app" params={{ app }} className={classes.crumb}>
              {app}
            </Link>
          </>
        )}
        {app && env && (
          <>
            <span className={classes.slash}>/</span>
            <EnvSwitch app={app} env={env} />
          </>
        )}
      </div>
      <div className={classes.tools}>
        <Search />
        <Scheme />
        <Account />
      </div>
    </header>
  );
}
