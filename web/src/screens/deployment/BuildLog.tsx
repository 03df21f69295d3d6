// A build's log as it is written. Holds the last lines only; the whole of it is a command away.

import {
  type BuildLogStreamData,
  buildLogStream,
  follow,
  type LogLine,
  type Options,
} from "@segue/client";
import { useEffect, useRef, useState } from "react";
import type { Place } from "../env/place";
import classes from "./deployment.module.css";

const KEPT = 2000;
const GATHER_MS = 60;

/** Follows a build's log. */
function useBuildLog(place: Place, build: string): LogLine[] {
  const [lines, setLines] = useState<LogLine[]>([]);
  const { team, app, env } = place;
  useEffect(() => {
    const stop = new AbortController();
    let fresh: LogLine[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      timer = undefined;
      const added = fresh;
      fresh = [];
      setLines((was) => [...was, ...added].slice(-KEPT));
    };
    const read = async () => {
      const path = { team, app, env, build };
      const options: Options<BuildLogStreamData> = { path, query: { tail: KEPT } };
      for await (const message of follow(buildLogStream, options, {
        signal: stop.signal,
        atEnd: "return",
      })) {
        if (message.event !== "line") continue;
        fresh.push(message.data as LogLine);
        timer ??= setTimeout(show, GATHER_MS);
      }
    };
    setLines([]);
    read().catch(() => undefined);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [team, app, env, build]);
  return lines;
}

export interface BuildLogProps {
  place: Place;
  build: string;
  ended: boolean;
}

export function BuildLog({ place, build, ended }: BuildLogProps) {
  const lines = useBuildLog(place, build);
  const box = useRef<HTMLPreElement>(null);
  const stick = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are what moves the end
  useEffect(() => {
    if (stick.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  return (
    <pre
      className={classes.log}
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      role="log"
      aria-label="Log of the build"
      onScroll={(event) => {
        const at = event.currentTarget;
        stick.current = at.scrollHeight - at.scrollTop - at.clientHeight < 24;
      }}
    >
      {lines.length === 0
        ? ended
          ? "It wrote nothing."
          : "No line yet."
        : lines.map((line) => line.text).join("\n")}
    </pre>
  );
}
