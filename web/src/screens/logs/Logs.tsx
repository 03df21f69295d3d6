// The log of an environment: filtered, followed, and each line with an address of its own.

import { NativeSelect, Switch, TextInput } from "@mantine/core";
import { serviceListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Act } from "../../components/Act";
import { FaultBox } from "../../components/FaultBox";
import { Page } from "../../components/Page";
import { containsCheck } from "../../lib/checks";
import { number } from "../../lib/format";
import { whole } from "../../lib/pages";
import { flags, usePlace } from "../env/place";
import { LogView } from "./LogView";
import classes from "./logs.module.css";
import { useLog } from "./useLog";

/** What the address holds. */
export interface LogSearch {
  service?: string;
  contains?: string;
  since?: string;
  /** The line that was linked to. */
  at?: string;
  instance?: string;
}

function command(base: string, search: LogSearch): string {
  const parts = [`segue logs -f ${base}`];
  if (search.service) parts.push(`--service ${search.service}`);
  if (search.since) parts.push(`--since ${search.since}`);
  if (search.contains) parts.push(`--grep '${search.contains.replaceAll("'", "'\\''")}'`);
  return parts.join(" ");
}

export function Logs() {
  const place = usePlace();
  const search = useSearch({ strict: false }) as LogSearch;
  const navigate = useNavigate();
  const services = useQuery(whole(serviceListOptions({ path: place })));
  const [text, setText] = useState(search.contains ?? "");
  const [stick, setStick] = useState(search.at === undefined);
  // A linked line is read with what came shortly before it.
  const since =
    search.since ??
    (search.at ? new Date(Date.parse(search.at) - 60_000).toISOString() : undefined);
  const { lines, reading, connection, retry } = useLog(place, {
    service: search.service,
    contains: search.contains,
    since,
  });
  const change = (next: LogSearch) =>
    navigate({
      to: "/apps/$app/$env/logs",
      params: { app: place.app, env: place.env },
      search: (was: LogSearch) => ({ ...was, at: undefined, instance: undefined, ...next }),
      replace: true,
    });
  const filter = (event: FormEvent) => {
    event.preventDefault();
    if (fault) return;
    void change({ contains: text.trim() || undefined });
  };
  const fault = containsCheck(text) ?? undefined;
  return (
    <Page title="Logs" sub={`${place.app} ${place.env}`} command={command(flags(place), search)}>
      <form className={classes.tools} onSubmit={filter}>
        <TextInput
          label="Lines that hold"
          placeholder="any text"
          value={text}
          error={fault}
          onChange={(event) => setText(event.currentTarget.value)}
          className={classes.grow}
        />
        <Act type="submit" variant="default" why={fault}>
          Filter
        </Act>
        <NativeSelect
          label="Service"
          value={search.service ?? ""}
          onChange={(event) => void change({ service: event.currentTarget.value || undefined })}
          data={[
            { value: "", label: "every service" },
            ...(services.data?.items ?? []).map((one) => ({ value: one.name, label: one.name })),
          ]}
        />
        <NativeSelect
          label="Since"
          value={search.since ?? ""}
          onChange={(event) => void change({ since: event.currentTarget.value || undefined })}
          data={[
            { value: "", label: "last 5000 lines" },
            { value: "10m", label: "10 minutes" },
            { value: "1h", label: "1 hour" },
            { value: "6h", label: "6 hours" },
            { value: "24h", label: "24 hours" },
            ...(search.since && !["10m", "1h", "6h", "24h"].includes(search.since)
              ? [{ value: search.since, label: search.since.slice(0, 19).replace("T", " ") }]
              : []),
          ]}
        />
        <Switch
          label="Follow"
          checked={stick}
          onChange={(event) => setStick(event.currentTarget.checked)}
          className={classes.switch}
        />
      </form>
      {reading.state === "failed" ? (
        <FaultBox error={reading.error} onRetry={retry} />
      ) : (
        <LogView
          buffer={lines}
          place={place}
          stick={stick}
          onStick={setStick}
          target={search.at ? { at: search.at, instance: search.instance } : undefined}
          reading={reading.state === "reading"}
        />
      )}
      <div className={classes.foot} role="status">
        {number(lines.lines.length)} lines
        {lines.dropped > 0 && `, ${number(lines.dropped)} older ones left out`}
        {reading.state === "reading" && " · reading what is kept"}
        {reading.state === "following" &&
          (connection.state === "lost" ? " · connection lost; goes on by itself" : " · live")}
      </div>
    </Page>
  );
}
