// The machines that applications run on.

import { hostCordon, hostUncordon } from "@segue/client";
import { hostListOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { usePlatformAdmin } from "../../api/hooks";
import { sentenceOf } from "../../api/problem";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { toast } from "../../components/toast";
import { bytes, count, cpus, percent } from "../../lib/format";
import { whole } from "../../lib/pages";
import own from "./hosts.module.css";

function Use({
  part,
  whole,
  text,
  label,
}: {
  part: number;
  whole: number;
  text: string;
  label: string;
}) {
  return (
    <div className={own.use}>
      <span>{text}</span>
      <meter min={0} max={whole || 1} value={part} aria-label={label} />
      <span className={classes.reason}>{percent(part, whole)} reserved</span>
    </div>
  );
}

export function Hosts() {
  const admin = usePlatformAdmin();
  const queries = useQueryClient();
  const list = useQuery(whole(hostListOptions()));
  const [cordoning, setCordoning] = useState<string>();
  const why = admin ? undefined : "Only people who run this installation do that.";
  const items = list.data?.items ?? [];
  const uncordon = async (host: string) => {
    try {
      await hostUncordon({ path: { host }, throwOnError: true });
    } catch (error) {
      toast({ title: `${host} is still cordoned`, message: sentenceOf(error), color: "red" });
    }
    await done();
  };
  const done = () => queries.invalidateQueries({ queryKey: [{ _id: "hostList" }] });
  return (
    <Page title="Hosts" sub="Machines that applications run on" command="segue hosts list">
      <Card title={list.data ? count(items.length, "host") : "Hosts"} flush>
        <Listing
          of={list}
          count={items.length}
          none="No host has joined yet. Start a worker on a machine with Docker: segue serve."
          label="Hosts"
          head={["Host", "State", "CPU", "Memory", "Instances", "Engine", "Seen", ""]}
        >
          {items.map((host) => (
            <tr key={host.id}>
              <td>
                <strong>{host.name}</strong>
                <div className={classes.reason}>
                  {Object.entries(host.labels)
                    .map(([key, value]) => `${key}=${value}`)
                    .join(" ")}
                </div>
              </td>
              <td>
                <Status
                  tone={
                    host.state === "ready" || host.state === "active"
                      ? host.cordoned
                        ? "warn"
                        : "ok"
                      : "bad"
                  }
                >
                  {host.cordoned ? `${host.state}, cordoned` : host.state}
                </Status>
                {host.problem && <div className={classes.reason}>{host.problem}</div>}
              </td>
              <td>
                <Use
                  part={host.reserved_cpu_millis}
                  whole={host.cpu_millis}
                  text={`${cpus(host.reserved_cpu_millis)} of ${cpus(host.cpu_millis)}`}
                  label={`CPU of ${host.name}`}
                />
              </td>
              <td>
                <Use
                  part={host.reserved_memory_bytes}
                  whole={host.memory_bytes}
                  text={`${bytes(host.reserved_memory_bytes)} of ${bytes(host.memory_bytes)}`}
                  label={`Memory of ${host.name}`}
                />
              </td>
              <td>{host.instances}</td>
              <td>{host.engine_version ?? "–"}</td>
              <td>{host.listed_at ? <Ago at={host.listed_at} /> : "never"}</td>
              <td>
                {host.cordoned ? (
                  <Act
                    size="compact-sm"
                    variant="subtle"
                    why={why}
                    onClick={() => void uncordon(host.name)}
                  >
                    Uncordon
                  </Act>
                ) : (
                  <Act
                    size="compact-sm"
                    variant="subtle"
                    why={why}
                    onClick={() => setCordoning(host.name)}
                  >
                    Cordon
                  </Act>
                )}
              </td>
            </tr>
          ))}
        </Listing>
      </Card>
      <Confirm
        opened={cordoning !== undefined}
        onClose={() => setCordoning(undefined)}
        title={`Cordon ${cordoning}?`}
        deed="Cordon it"
        harmless
        onConfirm={async () => {
          await hostCordon({ path: { host: cordoning ?? "" }, throwOnError: true });
          await done();
        }}
      >
        What runs there goes on; nothing new is placed on {cordoning} until it is uncordoned.
      </Confirm>
    </Page>
  );
}
