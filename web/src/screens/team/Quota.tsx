// What the team may use and does use; people who run the installation set it here.

import { TextInput } from "@mantine/core";
import { type QuotaView, quotaSet } from "@segue/client";
import { quotaGetOptions, quotaGetQueryKey } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { usePlatformAdmin, useTeam } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { Form } from "../../components/Form";
import { Loading } from "../../components/Loading";
import { toast } from "../../components/toast";
import { checks, coresCheck, decimal, gibCheck } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { bytes, cpus } from "../../lib/format";
import own from "./team.module.css";

function Figure({
  name,
  used,
  allowed,
  text,
}: {
  name: string;
  used: number;
  allowed?: number;
  text: (n: number) => string;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {text(used)} {allowed === undefined ? "· no limit" : `of ${text(allowed)}`}
      </dd>
      {allowed !== undefined && (
        <dd>
          <meter
            min={0}
            max={allowed || 1}
            value={used}
            high={allowed * 0.9}
            aria-label={`${name} used`}
          />
        </dd>
      )}
    </div>
  );
}

const GIB = 1024 ** 3;

/** A figure as the form shows it: empty is no limit. */
function shown(allowed: number | undefined, unit: number): string {
  return allowed === undefined ? "" : String(Number((allowed / unit).toFixed(3)));
}

function SetQuota({ team, quota }: { team: string; quota: QuotaView }) {
  const admin = usePlatformAdmin();
  const queries = useQueryClient();
  const path = { team };
  const why = admin ? undefined : "Only people who run this installation set quotas.";
  const handle = useApiForm({
    initial: {
      apps: shown(quota.apps.allowed, 1),
      cpu_millis: shown(quota.cpu_millis.allowed, 1000),
      memory_bytes: shown(quota.memory_bytes.allowed, GIB),
    },
    why,
    reread: () => queries.invalidateQueries({ queryKey: quotaGetQueryKey({ path }) }),
    validate: { ...checks.QuotaSet, cpu_millis: coresCheck, memory_bytes: gibCheck },
    send: async ({ apps, cpu_millis, memory_bytes }) => {
      const figure = (text: string, unit: number) =>
        text.trim() === "" ? null : Math.round(decimal(text) * unit);
      const body = {
        apps: figure(apps, 1),
        cpu_millis: figure(cpu_millis, 1000),
        memory_bytes: figure(memory_bytes, GIB),
      };
      const { data } = await quotaSet({ path, body, throwOnError: true });
      queries.setQueryData(quotaGetQueryKey({ path }), data);
      toast({ message: `The quota of ${team} is set. What runs already goes on.`, color: "green" });
    },
  });
  const { form, busy } = handle;
  const field = (label: string, name: "apps" | "cpu_millis" | "memory_bytes") => (
    <TextInput
      label={label}
      placeholder="no limit"
      inputMode="decimal"
      autoComplete="off"
      readOnly={why !== undefined}
      {...form.getInputProps(name)}
    />
  );
  return (
    <Form of={handle} className={classes.form}>
      {field("Apps at most", "apps")}
      {field("CPU at most, in cores", "cpu_millis")}
      {field("Memory at most, in GiB", "memory_bytes")}
      <Act type="submit" variant="default" why={why} loading={busy}>
        Set the quota
      </Act>
    </Form>
  );
}

export function Quota() {
  const team = useTeam();
  const quota = useQuery(quotaGetOptions({ path: { team: team.name } }));
  const data = quota.data;
  return (
    <Card title="Quota" flush>
      {quota.isPending && <Loading />}
      {quota.isError && <FaultBox error={quota.error} onRetry={() => quota.refetch()} />}
      {data && (
        <>
          <dl className={own.figures}>
            <Figure name="Apps" {...data.apps} text={String} />
            <Figure name="CPU" {...data.cpu_millis} text={(n) => `${cpus(n)} CPU`} />
            <Figure name="Memory" {...data.memory_bytes} text={bytes} />
            {data.set_by && data.set_at && (
              <div>
                <dt>Set by {data.set_by}</dt>
                <dd>
                  <Ago at={data.set_at} />
                </dd>
              </div>
            )}
          </dl>
          <SetQuota key={team.name} team={team.name} quota={data} />
        </>
      )}
    </Card>
  );
}
