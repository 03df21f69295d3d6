// The frame of the team's pages: its name and tabs.

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTeam } from "../../api/hooks";
import shell from "../../app/shell/shell.module.css";
import { Page } from "../../components/Page";

const TABS = [
  ["/team", "Members"],
  ["/team/tokens", "Tokens"],
  ["/team/credentials", "Credentials"],
  ["/team/notifications", "Notifications"],
  ["/team/settings", "Quota and name"],
  ["/team/audit", "Audit log"],
] as const;

export interface TeamPageProps {
  title: string;
  command: string;
  children: ReactNode;
}

export function TeamPage({ title, command, children }: TeamPageProps) {
  const team = useTeam();
  return (
    <>
      <nav className={shell.tabs} aria-label={`Team ${team.name}`}>
        {TABS.map(([to, label]) => (
          <Link
            key={to}
            to={to}
            className={shell.tab}
            activeOptions={{ exact: true, includeSearch: false }}
            activeProps={{ "aria-current": "page" }}
          >
            {label}
          </Link>
        ))}
      </nav>
      <Page
        title={title}
        name={`${title} of ${team.name}`}
        sub={`Team ${team.name} · you are ${team.role ?? "member of single apps"}`}
        command={command}
      >
        {children}
      </Page>
    </>
  );
}
