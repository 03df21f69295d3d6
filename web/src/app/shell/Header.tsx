// The header: where one is, with switchers of team and environment, and the tools.

import { ActionIcon, Button, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
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
import { chunk } from "../../lib/chunk";
import { Drop } from "./Drop";
import classes from "./shell.module.css";

const Palette = lazy(() => chunk(() => import("./Palette")));

function TeamSwitch() {
  const session = useSession();
  const team = useTeam();
  const navigate = useNavigate();
  const teams = session.status === "signed-in" ? session.teams : [];
  return (
    <Drop
      target={
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          rightSection={<IconChevron />}
          aria-label={`Team ${team.name}, change`}
        >
          {team.name || "No team"}
        </Button>
      }
      sections={[
        {
          title: "Teams",
          items: teams.map((one) => ({
            id: one.id,
            label: one.name,
            right: one.role ?? "single apps",
            current: one.name === team.name,
            onClick: () => void navigate({ to: "/apps", search: { team: one.name } }),
          })),
        },
        {
          items: [
            {
              label: "New team",
              onClick: () => void navigate({ to: "/teams/new", search: true }),
            },
          ],
        },
      ]}
    />
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
    <Drop
      target={
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          rightSection={<IconChevron />}
          aria-label={`Environment ${env}, change`}
        >
          {env}
        </Button>
      }
      sections={[
        {
          title: `Environments of ${app}`,
          items: (envs.data?.items ?? []).map((one) => ({
            id: one.id,
            label: one.name,
            current: one.name === env,
            onClick: () =>
              void navigate({
                href: `/apps/${app}/${one.name}${part ? `/${part}` : ""}?team=${team.name}`,
              }),
          })),
        },
        {
          items: [
            {
              label: "All environments",
              onClick: () => void navigate({ to: "/apps/$app", params: { app }, search: true }),
            },
          ],
        },
      ]}
    />
  );
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      onClick={() => setColorScheme(other)}
      aria-label={`Use the ${other} look`}
      title={`Use the ${other} look`}
    >
      {scheme === "dark" ? <IconSun /> : <IconMoon />}
    </ActionIcon>
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
    <Drop
      end
      target={
        <ActionIcon variant="light" size="lg" radius="xl" aria-label={`Account of ${name}`}>
          {name.slice(0, 1).toUpperCase()}
        </ActionIcon>
      }
      sections={[
        {
          title: session.user.email,
          items: [
            {
              label: "Account and tokens",
              onClick: () => void navigate({ to: "/account", search: true }),
            },
            { label: "API reference", href: "/docs/api" },
          ],
        },
        { items: [{ label: "Sign out", onClick: leave }] },
      ]}
    />
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
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        onClick={() => setOpened(true)}
        aria-label="Search and go, Control K"
        title="Search and go (Ctrl K)"
      >
        <IconSearch />
      </ActionIcon>
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
