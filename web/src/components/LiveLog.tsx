// The end of a log that is being written. Holds the last lines only; the whole of it is a command away.

import type { LogLine } from "@segue/client";
import { useEffect, useRef, useState } from "react";
import { fault } from "../api/problem";
import classes from "./components.module.css";

/** Lines that are kept. */
export const KEPT = 2000;
const GATHER_MS = 60;

/** A log: another `name` is another log. */
export interface Tail {
  name: string;
  open: (signal: AbortSignal) => AsyncIterable<{ event: string; data: unknown }>;
}

function useTail({ name, open }: Tail): { lines: LogLine[]; refused?: string } {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [refused, setRefused] = useState<string>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the name says which log it is
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
      for await (const message of open(stop.signal)) {
        if (message.event !== "line") continue;
        fresh.push(message.data as LogLine);
        timer ??= setTimeout(show, GATHER_MS);
      }
    };
    setLines([]);
    setRefused(undefined);
    read().catch((error: unknown) => {
      if (!stop.signal.aborted) setRefused(fault(error).detail);
    });
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [name]);
  return { lines, refused };
}

export interface LiveLogProps {
  label: string;
  tail: Tail;
  ended: boolean;
}

export function LiveLog({ label, tail, ended }: LiveLogProps) {
  const { lines, refused } = useTail(tail);
  const box = useRef<HTMLPreElement>(null);
  const stick = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are what moves the end
  useEffect(() => {
    if (stick.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  const none = refused ?? (ended ? "It wrote nothing." : "No line yet.");
  return (
    <pre
      className={classes.log}
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      role="log"
      aria-label={label}
      onScroll={(event) => {
        const at = event.currentTarget;
        stick.current = at.scrollHeight - at.scrollTop - at.clientHeight < 24;
      }}
    >
      {lines.length === 0 ? none : lines.map((line) => line.text).join("\n")}
    </pre>
  );
}
