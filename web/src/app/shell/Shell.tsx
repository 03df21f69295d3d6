// The frame of every page of signed-in people: left bar, header, state of the connection.
// Owns the tab's stream of events: it runs as long as the frame stands, for the team that is looked at.

import { useQueryClient } from "@tanstack/react-query";
import { Outlet, useRouterState, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { rememberTeam, useConnection, useSession, useTeam } from "../../api/hooks";
import { goLive } from "../../api/live";
import { refresh } from "../../api/session";
import { Loading } from "../../components/Loading";
import { NotFound } from "../../components/NotFound";
import { chunk } from "../../lib/chunk";
import { duration } from "../../lib/format";
import { useNow } from "../../lib/now";
import { Header } from "./Header";
import { Nav } from "./Nav";
import classes from "./shell.module.css";

const SignInAgain = lazy(() => chunk(() => import("./SignInAgain")));

function ConnectionNote() {
  const connection = useConnection();
  const now = useNow();
  if (connection.state === "ended") {
    return (
      <div className={classes.note} role="status">
        Live updates have stopped: {connection.reason}. Reload the page to go on.
      </div>
    );
  }
  // A moment's loss is not worth a word.
  if (connection.state !== "lost" || now - connection.since < 1500) return null;
  return (
    <div className={classes.note} role="status">
      Connection lost {duration(Math.max(1000, now - connection.since))} ago. What you see may be
      old; the page catches up by itself.
    </div>
  );
}

/** A team that the session does not know: it may be new, so that the session is read once more before we say no. */
function UnknownTeam({ name }: { name: string }) {
  const [asked, setAsked] = useState<string>();
  useEffect(() => {
    const done = () => setAsked(name);
    refresh().then(done, done);
  }, [name]);
  return asked === name ? <NotFound /> : <Loading lines={5} />;
}

function NoTeam() {
  const session = useSession();
  const email = session.status === "signed-in" ? session.user.email : "";
  return (
    <div>
      <h1>No team yet</h1>
      <p>
        {email} belongs to no team. Ask an admin of a team for an invitation, and open its link
        here.
      </p>
    </div>
  );
}

export function Shell() {
  const team = useTeam();
  const session = useSession();
  const ended = session.status === "signed-in" && session.ended === true;
  const { team: wanted } = useSearch({ strict: false }) as { team?: string };
  const queries = useQueryClient();
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    if (!team.name) return;
    rememberTeam(team.name);
    const stop = new AbortController();
    goLive(queries, team.name, stop.signal);
    return () => stop.abort();
  }, [queries, team.name]);
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what moves the focus
  useEffect(() => {
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <>
      {ended && (
        <Suspense>
          <SignInAgain email={session.user.email} />
        </Suspense>
      )}
      <div className={classes.frame} inert={ended} data-away={ended || undefined}>
        <a className={classes.skip} href="#main">
          To the content
        </a>
        <Header />
        <ConnectionNote />
        <Nav />
        <main id="main" className={classes.main} ref={main} tabIndex={-1}>
          {team.name ? <Outlet /> : wanted ? <UnknownTeam name={wanted} /> : <NoTeam />}
        </main>
      </div>
    </>
  );
}
