// Lines on the screen. Only those in view exist in the page, so that a hundred thousand scroll as well as ten.

import { ActionIcon, Button, CopyButton, Tooltip } from "@mantine/core";
import type { LogLine } from "@segue/client";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef, useState } from "react";
import { Command } from "../../components/Command";
import { IconCheck, IconLink } from "../../components/icons";
import { clock, utc } from "../../lib/format";
import { findLine, type LineName, type LogBuffer } from "../../lib/logbuffer";
import type { Place } from "../env/place";
import classes from "./logs.module.css";

/** Height of a line, as in the style sheet. */
const ROW = 20;

export interface LogViewProps {
  buffer: LogBuffer;
  place: Place;
  /** The end stays in view. */
  stick: boolean;
  onStick: (stick: boolean) => void;
  target?: LineName;
  reading: boolean;
}

function address(place: Place, line: LogLine): string {
  const query = new URLSearchParams({ team: place.team, at: line.at });
  if (line.instance) query.set("instance", line.instance);
  return `${window.location.origin}/apps/${place.app}/${place.env}/logs?${query}`;
}

const Row = memo(function Row({
  line,
  top,
  active,
  onPick,
}: {
  line: LogLine;
  top: number;
  active: boolean;
  onPick: () => void;
}) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: arrow keys pick lines, in the list
    // biome-ignore lint/a11y/noStaticElementInteractions: a line of the log around it, which takes the keys
    <div
      className={classes.row}
      style={{ transform: `translateY(${top}px)` }}
      data-stream={line.stream}
      data-active={active || undefined}
      onClick={onPick}
    >
      <time dateTime={line.at}>{clock(line.at)}</time>
      <b>{line.instance ?? line.service ?? line.stream}</b>
      <span>{line.text}</span>
    </div>
  );
});

export function LogView({ buffer, place, stick, onStick, target, reading }: LogViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const [picked, setPicked] = useState<LogLine>();
  const jumped = useRef<string>(undefined);
  const { lines } = buffer;
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 40,
  });
  const { version } = buffer;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new version may hold new lines at the end
  useEffect(() => {
    if (stick && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: "end" });
  }, [stick, version]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the line may come with any version
  useEffect(() => {
    if (!target || jumped.current === target.at) return;
    const index = findLine(lines, target);
    if (index < 0) return;
    jumped.current = target.at;
    setPicked(lines[index]);
    rows.scrollToIndex(index, { align: "center" });
  }, [target, version]);
  const move = (by: number) => {
    const from = picked ? lines.indexOf(picked) : lines.length - 1;
    const to = Math.max(0, Math.min(lines.length - 1, from + by));
    if (lines[to]) {
      setPicked(lines[to]);
      onStick(false);
      rows.scrollToIndex(to, { align: "auto" });
    }
  };
  const missed = target !== undefined && !reading && jumped.current !== target.at;
  return (
    <>
      {missed && (
        <div className={classes.missed} role="status">
          The line that the link names is not kept any more, or not within this filter.
        </div>
      )}
      <div
        ref={box}
        className={classes.box}
        role="log"
        aria-label="Lines; arrow keys pick one"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") move(1);
          else if (event.key === "ArrowUp") move(-1);
          else if (event.key === "Escape") setPicked(undefined);
          else return;
          event.preventDefault();
        }}
        onWheel={(event) => event.deltaY < 0 && stick && onStick(false)}
        onTouchMove={() => stick && onStick(false)}
      >
        <div className={classes.sheet} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const line = lines[row.index];
            return (
              line && (
                <Row
                  key={row.key}
                  line={line}
                  top={row.start}
                  active={line === picked}
                  onPick={() => {
                    setPicked(line);
                    onStick(false);
                  }}
                />
              )
            );
          })}
        </div>
        {lines.length === 0 && (
          <p className={classes.none}>
            {reading ? "Reading …" : "No line yet. New ones appear here."}
          </p>
        )}
      </div>
      {picked && (
        <section className={classes.picked} aria-label="The picked line">
          <div>
            {utc(picked.at)} · {picked.instance ?? picked.service ?? ""} · {picked.stream}{" "}
            <CopyButton value={address(place, picked)} timeout={1500}>
              {({ copied, copy }) => (
                <Tooltip label={copied ? "Copied" : "Copy a link to this line"}>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    onClick={copy}
                    aria-label="Copy a link to this line"
                  >
                    {copied ? <IconCheck /> : <IconLink />}
                  </ActionIcon>
                </Tooltip>
              )}
            </CopyButton>
            <Button size="compact-xs" variant="subtle" onClick={() => setPicked(undefined)}>
              Close
            </Button>
          </div>
          <Command text={address(place, picked)} label="Link to this line" />
          <pre>{picked.text}</pre>
        </section>
      )}
    </>
  );
}
