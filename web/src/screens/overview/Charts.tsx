// Requests, failures and times of the last hour, with a line where a deployment went live.

import { Button, NativeSelect } from "@mantine/core";
import type { Deployment } from "@segue/client";
import { metricsSeriesOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Card, Empty } from "../../components/Card";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import { clock, duration, number } from "../../lib/format";
import { columns, sum } from "../../lib/series";
import { usePlace } from "../env/place";
import { Chart, type Marker } from "./Chart";
import own from "./overview.module.css";

const WINDOWS = [
  { value: "3600", label: "1 hour" },
  { value: "21600", label: "6 hours" },
  { value: "86400", label: "24 hours" },
  { value: "172800", label: "48 hours" },
];

export function Charts({ deployments }: { deployments: Deployment[] }) {
  const place = usePlace();
  const [seconds, setSeconds] = useState("3600");
  // The hour ends when it was chosen; the server cuts what lies before.
  const [now, setNow] = useState(() => Date.now());
  const since = new Date(now - Number(seconds) * 1000).toISOString();
  const series = useQuery({
    ...metricsSeriesOptions({ path: place, query: { since } }),
    placeholderData: (before) => before,
  });
  const data = series.data && columns(series.data);
  const markers: Marker[] = deployments
    .filter((one) => one.live_at !== undefined)
    .map((one) => ({ at: Date.parse(one.live_at ?? "") / 1000, label: `#${one.number}` }));
  const requests = sum(series.data?.points.map((point) => point.requests) ?? []);
  const failed = data ? sum(data.failed) : 0;
  const slowest = Math.max(0, ...(series.data?.points.map((point) => point.longest_us) ?? []));
  return (
    <Card
      title="Traffic"
      actions={
        <div className={own.window}>
          {series.data && (
            <span className={own.asOf}>as of {clock(series.data.until).slice(0, 8)} UTC</span>
          )}
          <NativeSelect
            aria-label="Time shown"
            size="xs"
            data={WINDOWS}
            value={seconds}
            onChange={(event) => setSeconds(event.currentTarget.value)}
          />
          <Button
            size="compact-sm"
            variant="subtle"
            loading={series.isFetching}
            onClick={() => setNow(Date.now())}
          >
            Read again
          </Button>
        </div>
      }
    >
      {series.isPending && <Loading />}
      {series.isError && <FaultBox error={series.error} onRetry={() => series.refetch()} />}
      {data && requests === 0 && <Empty>No request was counted in this time.</Empty>}
      {data && requests > 0 && (
        <div className={own.charts}>
          <Chart
            title="Requests per second"
            says={`${number(requests)} requests in all`}
            x={data.x}
            markers={markers}
            lines={[{ name: "requests", tone: "busy", values: data.requestsPerS }]}
          />
          <Chart
            title="Time to answer, ms"
            says={`longest ${duration(slowest / 1000)}`}
            x={data.x}
            markers={markers}
            lines={[
              { name: "half within", tone: "ok", values: data.p50 },
              { name: "95 % within", tone: "warn", values: data.p95 },
            ]}
          />
          <Chart
            title="Failed by Segue"
            says={failed === 0 ? "none" : `${number(failed)} in all`}
            x={data.x}
            markers={markers}
            lines={[{ name: "failed", tone: "bad", values: data.failed }]}
          />
          <Chart
            title="The app’s own errors"
            says={`${number(sum(data.serverErrors))} of 5xx, ${number(sum(data.clientErrors))} of 4xx`}
            x={data.x}
            markers={markers}
            lines={[
              { name: "5xx", tone: "bad", values: data.serverErrors },
              { name: "4xx", tone: "idle", values: data.clientErrors },
            ]}
          />
        </div>
      )}
    </Card>
  );
}
