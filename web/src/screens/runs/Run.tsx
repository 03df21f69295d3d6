// One run as it happens: its state, its log, and the way to stop it.

import {
  follow,
  type LogListStreamData,
  logListStream,
  type Options,
  runCancel,
} from "@segue/client";
import { runGetOptions, runGetQueryKey } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { KEPT, LiveLog } from "../../components/LiveLog";
import { Loading } from "../../components/Loading";
import { NotFound, PageFault } from "../../components/NotFound";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { duration } from "../../lib/format";
import { useNow } from "../../lib/now";
import { runVerdict, typed } from "../../lib/runs";
import { flags, usePlace, useWhyNotHere } from "../env/place";

export function RunPage() {
  const { number = "" } = useParams({ strict: false }) as { number?: string };
  if (!/^[1-9]\d{0,17}$/.test(number)) return <NotFound />;
  return <One key={number} number={number} />;
}

function One({ number }: { number: string }) {
  const place = usePlace();
  const path = { ...place, run: Number(number) };
  const why = useWhyNotHere()("run");
  const now = useNow();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const found = useQuery(runGetOptions({ path }));
  if (found.isPending) return <Loading lines={6} />;
  if (found.isError) return <PageFault error={found.error} onRetry={() => found.refetch()} />;
  const run = found.data;
  const { tone, word } = runVerdict(run);
  const options: Options<LogListStreamData> = {
    path: place,
    query: { run: Number(number), tail: KEPT },
  };
  const ended = run.finished
    ? "It has ended."
    : run.cancel_requested
      ? "It is being stopped already."
      : undefined;
  const until = run.finished_at ? Date.parse(run.finished_at) : now;
  return (
    <Page
      name={`Run ${run.number} of ${place.app}`}
      title={
        <>
          Run {run.number} <Status tone={tone}>{word}</Status>
        </>
      }
      sub={
        <>
          by {run.created_by}, <Ago at={run.created_at} />
        </>
      }
      command={`segue runs show ${run.number} ${flags(place)}`}
      actions={
        <Act variant="default" why={why ?? ended} onClick={() => setAsking(true)}>
          Stop it
        </Act>
      }
    >
      <Card title="What runs">
        <dl className={classes.facts}>
          <dt>Command</dt>
          <dd>
            <code>{typed(run.command)}</code>
          </dd>
          <dt>As</dt>
          <dd>
            {run.service} of v{run.release}
          </dd>
          <dt>Host</dt>
          <dd>{run.host ?? "none yet"}</dd>
          <dt>Time</dt>
          <dd>
            {run.started_at ? duration(until - Date.parse(run.started_at)) : "not begun"}, at most{" "}
            {duration(run.time_limit * 1000)}
          </dd>
          {run.exit_code !== undefined && (
            <>
              <dt>Exit code</dt>
              <dd>{run.exit_code}</dd>
            </>
          )}
        </dl>
      </Card>
      {run.failure && (
        <div className={classes.fault} role="alert">
          <strong>{run.failure.sentence}</strong>
          <p>{run.failure.evidence}</p>
          <p>→ {run.failure.hint}</p>
        </div>
      )}
      <Card title="Log" flush>
        <LiveLog
          label="Log of the run"
          ended={run.finished}
          tail={{
            name: run.id,
            open: (signal) => follow(logListStream, options, { signal, atEnd: "reconnect" }),
          }}
        />
      </Card>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Stop run ${run.number}?`}
        deed="Stop it"
        onConfirm={async () => {
          const { data } = await runCancel({ path, throwOnError: true });
          queries.setQueryData(runGetQueryKey({ path }), data);
        }}
      >
        Its process gets SIGTERM, and SIGKILL after the stop time of its service. What it did so far
        stays done.
      </Confirm>
    </Page>
  );
}
