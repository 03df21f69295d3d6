// What the team may use and does use.

import { quotaGetOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useTeam } from "../../api/hooks";
import { Card } from "../../components/Card";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
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
        <meter
          min={0}
          max={allowed || 1}
          value={used}
          high={allowed * 0.9}
          aria-label={`${name} used`}
        />
      )}
    </div>
  );
}

export function Quota() {
  const team = useTeam();
  const quota = useQuery(quotaGetOptions({ path: { team: team.name } }));
  return (
    <Card title="Quota">
      {quota.isPending && <Loading />}
      {quota.isError && <FaultBox error={quota.error} onRetry={() => quota.refetch()} />}
      {quota.data && (
        <dl className={own.figures}>
          <Figure name="Apps" {...quota.data.apps} text={String} />
          <Figure name="CPU" {...quota.data.cpu_millis} text={(n) => `${cpus(n)} CPU`} />
          <Figure name="Memory" {...quota.data.memory_bytes} text={bytes} />
        </dl>
      )}
    </Card>
  );
}
