// Reads what is kept of a log and then follows it. The buffer outlives lost connections: a stream goes on behind
// its last piece, so no line comes twice and none is missed.

import {
  follow,
  type LogLine,
  type LogListStreamData,
  logList,
  logListStream,
  type Options,
} from "@segue/client";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { type Connection, step } from "../../api/connection";
import { LogBuffer, sinceTime } from "../../lib/logbuffer";
import type { Place } from "../env/place";

/** Lines shown when no time is given. */
const TAIL = 5000;
/** The place before everything that is kept. */
const BEGINNING = "0-0";

/** What is looked for. */
export interface Wanted {
  service?: string;
  contains?: string;
  since?: string;
}

/** How far the reading is. */
export type Reading = { state: "reading" | "following" } | { state: "failed"; error: unknown };

/** Follows a log. */
export function useLog(place: Place, wanted: Wanted) {
  const buffer = useRef<LogBuffer>(null);
  buffer.current ??= new LogBuffer();
  const lines = buffer.current;
  useSyncExternalStore(lines.subscribe, lines.snapshot);
  const [reading, setReading] = useState<Reading>({ state: "reading" });
  const [connection, setConnection] = useState<Connection>({ state: "connecting" });
  const [again, setAgain] = useState(0);
  const { team, app, env } = place;
  const { service, contains, since } = wanted;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `again` starts the same reading anew
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const path = { team, app, env };
    const filter = { service, contains, since: since ? sinceTime(since, Date.now()) : undefined };
    const kept = async (): Promise<string | undefined> => {
      if (!filter.since) {
        const { data } = await logList({
          path,
          query: { ...filter, tail: TAIL },
          signal,
          throwOnError: true,
        });
        lines.add(data.items);
        return data.next_cursor;
      }
      let cursor = BEGINNING;
      for (;;) {
        const { data } = await logList({
          path,
          query: { ...filter, cursor },
          signal,
          throwOnError: true,
        });
        lines.add(data.items);
        // At the end the cursor stays where it is.
        if (!data.next_cursor || data.next_cursor === cursor) return cursor;
        cursor = data.next_cursor;
      }
    };
    const read = async () => {
      const lastEventId = await kept();
      if (signal.aborted) return;
      setReading({ state: "following" });
      const options: Options<LogListStreamData> = {
        path,
        query: lastEventId ? filter : { ...filter, tail: 0 },
      };
      const messages = follow(logListStream, options, {
        signal,
        lastEventId,
        atEnd: "reconnect",
        longestWait: 15_000,
        onState: (state) =>
          setConnection((was) =>
            step(was, state === "open" ? { type: "open" } : { type: "lost", now: Date.now() }),
          ),
      });
      for await (const message of messages) {
        if (message.event === "line") lines.add([message.data as LogLine]);
      }
    };
    lines.clear();
    setReading({ state: "reading" });
    setConnection({ state: "connecting" });
    read().catch((error: unknown) => {
      if (!signal.aborted) setReading({ state: "failed", error });
    });
    return () => stop.abort();
  }, [team, app, env, service, contains, since, again, lines]);
  return { lines, reading, connection, retry: () => setAgain((was) => was + 1) };
}
