// Who is signed in, which team is looked at, and what may be done, for components.

import { useSearch } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { connectionNow, subscribeConnection } from "./live";
import { type Deed, whyNot } from "./may";
import { current, type Session, type SessionTeam, subscribe } from "./session";

const LAST_TEAM = "segue-team";

/** The session, followed. */
export function useSession(): Session {
  return useSyncExternalStore(subscribe, current);
}

/** The stream's connection, followed. */
export function useConnection() {
  return useSyncExternalStore(subscribeConnection, connectionNow);
}

/** The team to show: the address's and no other if it names one, else the one looked at last, else the first. */
export function chooseTeam(
  teams: SessionTeam[],
  wanted: string | undefined,
): SessionTeam | undefined {
  const last = localStorage.getItem(LAST_TEAM);
  const by = (name: string | null | undefined) => teams.find((team) => team.name === name);
  return wanted ? by(wanted) : (by(last) ?? teams[0]);
}

/** Remembers the team for the next visit. */
export function rememberTeam(name: string): void {
  localStorage.setItem(LAST_TEAM, name);
}

/** The team that is looked at. Only inside of the shell, which shows nothing without one. */
export function useTeam(): SessionTeam {
  const session = useSession();
  const search = useSearch({ strict: false }) as { team?: string };
  const teams = session.status === "signed-in" ? session.teams : [];
  return chooseTeam(teams, search.team) ?? { id: "", name: "", role: "viewer" };
}

/** Why the person may not do that in this team. */
export function useWhyNot(): (deed: Deed, isProtected?: boolean) => string | undefined {
  const { role = "viewer" } = useTeam();
  return (deed, isProtected) => whyNot(role, deed, isProtected);
}

/** Whether the person runs the installation. */
export function usePlatformAdmin(): boolean {
  const session = useSession();
  return session.status === "signed-in" && session.user.platform_admin;
}
