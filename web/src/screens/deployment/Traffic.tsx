// Who answers the requests at the moment, as the edges counted it.

import { metricsSeriesOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { Card, Empty } from "../../components/Card";
import { FaultBox } from "../../components/FaultBox";
import { count, percent } from "../../lib/format";
import type { Place } from "../env/place";
import own from "./deployment.module.css";

export function Traffic({ place, release }: { place: Place; release: number }) {
  const series = useQuery(metricsSeriesOptions({ path: place, query: { step: 60 } }));
  const shares = series.data?.releases ?? [];
  const whole = shares.reduce((sum, one) => sum + one.requests, 0);
  return (
    <Card title="Traffic of the last minute">
      {series.isError && <FaultBox error={series.error} onRetry={() => series.refetch()} />}
      {series.data && whole === 0 && <Empty>No request was counted in the last minute.</Empty>}
      {whole > 0 && (
        <>
          <div className={own.split} aria-hidden="true">
            {shares.map((one) => (
              <span
                key={one.release}
                data-new={one.release === release || undefined}
                style={{ flexGrow: one.requests }}
              />
            ))}
          </div>
          <ul className={own.shares}>
            {shares.map((one) => (
              <li key={one.release}>
                <strong>v{one.release}</strong> {percent(one.requests, whole)} ·{" "}
                {count(one.requests, "request")}
                {one.release === release && " · this deployment’s"}
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
