// The tab's one stream of events: what it says makes queries stale. Its state is what the page shows of the
// connection. After a loss the server sends what was missed; were it too much, everything is read again.

import {
  type App,
  type Environment,
  type Event,
  type EventListStreamData,
  eventListStream,
  follow,
  type Options,
  ProblemError,
} from "@segue/client";
import type { QueryClient } from "@tanstack/react-query";
import { type Connection, type Happening, step } from "./connection";
import { eventsOf } from "./events";
import { type Key, stale } from "./invalidate";

/** Events of one burst are applied together. */
const GATHER_MS = 80;

let connection: Connection = { state: "connecting" };
const listeners = new Set<() => void>();
const hearers = new Set<(event: Event) => void>();

/** For `useSyncExternalStore`. */
export function subscribeConnection(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** The connection as it is. */
export function connectionNow(): Connection {
  return connection;
}

/** Hears every event of the team. */
export function hear(hearer: (event: Event) => void): () => void {
  hearers.add(hearer);
  return () => hearers.delete(hearer);
}

/** Items of a page, or of all pages that were read. */
function itemsOf(data: unknown): unknown[] {
  const page = data as { items?: unknown[]; pages?: { items?: unknown[] }[] } | undefined;
  return page?.items ?? page?.pages?.flatMap((one) => one.items ?? []) ?? [];
}

/** Ids and names by which queries may call the event's app and environment. */
function namesOf(queries: QueryClient, event: Event): { app: string[]; env: string[] } {
  const app = event.app ? [event.app] : [];
  const env = event.environment ? [event.environment] : [];
  for (const [key, data] of queries.getQueriesData<unknown>({})) {
    const id = (key[0] as Key | undefined)?._id;
    const items = itemsOf(data);
    if (id === "appList") {
      const found = (items as App[]).find((item) => item.id === event.app);
      if (found) app.push(found.name);
    } else if (id === "environmentList") {
      const found = (items as Environment[]).find((item) => item.id === event.environment);
      if (found) env.push(found.name);
    }
  }
  // An id alone says nothing about a query that uses names.
  return { app: app.length > 1 ? app : [], env: env.length > 1 ? env : [] };
}

/** Follows the team's events until `signal`. */
export function goLive(queries: QueryClient, team: string, signal: AbortSignal): void {
  let gathered: Event[] = [];
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let wasLost = false;
  const apply = () => {
    waiting = undefined;
    const events = gathered.map((event) => ({ event, names: namesOf(queries, event) }));
    gathered = [];
    queries.invalidateQueries({
      predicate: (query) => {
        const key = query.queryKey[0] as Key | undefined;
        return (
          typeof key?._id === "string" &&
          events.some(({ event, names }) => stale(event, key, names))
        );
      },
    });
  };
  const tell = (happening: Happening) => {
    connection = step(connection, happening);
    for (const listener of listeners) listener();
  };
  const read = async () => {
    const options: Options<EventListStreamData> = { query: eventsOf(team) };
    const messages = follow(eventListStream, options, {
      signal,
      atEnd: "reconnect",
      longestWait: 15_000,
      onState: (state) => {
        tell(state === "open" ? { type: "open" } : { type: "lost", now: Date.now() });
        if (state === "lost") wasLost = true;
        else if (wasLost) {
          wasLost = false;
          queries.invalidateQueries();
        }
      },
    });
    for await (const message of messages) {
      if (message.event !== "event") continue;
      const event = message.data as Event;
      for (const hearer of hearers) hearer(event);
      gathered.push(event);
      waiting ??= setTimeout(apply, GATHER_MS);
    }
  };
  signal.addEventListener("abort", () => clearTimeout(waiting));
  connection = { state: "connecting" };
  read().catch((error: unknown) => {
    if (signal.aborted) return;
    const reason = error instanceof ProblemError ? error.message : "the stream could not be read";
    tell({ type: "refused", reason });
  });
}
