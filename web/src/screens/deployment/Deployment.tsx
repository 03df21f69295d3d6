// A deployment as it happens: phases, build, instances from old to new, traffic, log, receipt; and the ways out.

import { deploymentCancel, deploymentRollback } from "@segue/client";
import {
  buildGetOptions,
  deploymentEventsOptions,
  deploymentGetOptions,
  deploymentReceiptOptions,
  instanceListOptions,
  releaseGetOptions,
  releaseListOptions,
  specGetOptions,
} from "@segue/client/query";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { fault } from "../../api/problem";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import { EventList } from "../../components/EventList";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import { NotFound, PageFault } from "../../components/NotFound";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { deploymentVerdict } from "../../lib/health";
import { whole } from "../../lib/pages";
import { phases } from "../../lib/phases";
import { flags, usePlace, useWhyNotHere } from "../env/place";
import { Builds } from "./Builds";
import { Difference } from "./Difference";
import classes from "./deployment.module.css";
import { OldNew } from "./OldNew";
import { PhaseBar } from "./PhaseBar";
import { Promote } from "./Promote";
import { ReceiptCard } from "./ReceiptCard";
import { Traffic } from "./Traffic";

/** Why there is a deployment, in words before its release. */
const KINDS: Record<string, string> = {
  deploy: "New source as",
  config: "Changed configuration as",
  rollback: "Back to an older release as",
  restart: "Restart of",
  promote: "Promoted as",
};

export function Deployment() {
  const { number = "" } = useParams({ strict: false }) as { number?: string };
  if (!/^[1-9]\d{0,17}$/.test(number)) return <NotFound />;
  return <One key={number} number={number} />;
}

function One({ number }: { number: string }) {
  const place = usePlace();
  const path = { ...place, number: Number(number) };
  const why = useWhyNotHere();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<"cancel" | "rollback" | "promote">();
  const found = useQuery(deploymentGetOptions({ path }));
  const deployment = found.data;
  const builds = useQueries({
    queries: (deployment?.builds ?? []).map((build) =>
      buildGetOptions({ path: { ...place, build } }),
    ),
  });
  const instances = useQuery(whole(instanceListOptions({ path: place })));
  const receipt = useQuery({
    ...deploymentReceiptOptions({ path }),
    enabled: deployment !== undefined,
  });
  const events = useQuery({
    ...whole(deploymentEventsOptions({ path })),
    enabled: deployment !== undefined,
  });
  const release = useQuery({
    ...releaseGetOptions({ path: { ...place, version: deployment?.release ?? 0 } }),
    enabled: deployment !== undefined,
  });
  const releases = useQuery(releaseListOptions({ path: place, query: { limit: 100 } }));
  const spec = useQuery(specGetOptions({ path: place }));
  if (found.isPending) return <Loading lines={6} />;
  if (!deployment) return <PageFault error={found.error} onRetry={() => found.refetch()} />;
  const { tone, word } = deploymentVerdict(deployment);
  // A way back uses what was built before; that is no part of it.
  const built = builds.flatMap((one) =>
    one.data && (!one.data.finished_at || one.data.finished_at >= deployment.created_at)
      ? [one.data]
      : [],
  );
  const all = instances.data?.items ?? [];
  const own = all.filter(
    (one) => one.release === deployment.release && one.created_at >= deployment.created_at,
  );
  const bar = phases({
    deployment,
    builds: built,
    instances: own,
    receipt: receipt.data,
    releaseCommand: Boolean(spec.data?.spec.deploy?.release) || deployment.state === "release_task",
  });
  const before = releases.data?.items.find((one) => one.version < deployment.release)?.version;
  const go = (to: number) =>
    navigate({
      to: "/apps/$app/$env/deployments/$number",
      params: { app: place.app, env: place.env, number: String(to) },
    });
  const cancelled = deployment.cancel_requested ? "It is being stopped already." : undefined;
  const ended =
    deployment.finished || deployment.live
      ? "It is live or has ended; to undo it, go back to the release before."
      : undefined;
  const notLive = deployment.live_at ? undefined : "It never served, so there is nothing to undo.";
  return (
    <Page
      name={`#${deployment.number} ${place.app}`}
      title={
        <>
          Deployment #{deployment.number} <Status tone={tone}>{word}</Status>
        </>
      }
      sub={
        <>
          {KINDS[deployment.kind] ?? deployment.kind} v{deployment.release} by{" "}
          {deployment.created_by}, <Ago at={deployment.created_at} />
          {deployment.git_ref && <> from {deployment.git_ref}</>}
          {deployment.message && <> · {deployment.message}</>}
        </>
      }
      command={`segue deploys show ${deployment.number} ${flags(place)}`}
      actions={
        <>
          <Act
            variant="default"
            why={why("deploy") ?? ended ?? cancelled}
            onClick={() => setAsking("cancel")}
          >
            Cancel
          </Act>
          <Act
            variant="default"
            why={why("deploy") ?? notLive}
            onClick={() => setAsking("rollback")}
          >
            Roll back
          </Act>
          <Act
            variant="default"
            why={
              deployment.live_at ? undefined : "It never served, so there is nothing to take on."
            }
            onClick={() => setAsking("promote")}
          >
            Promote
          </Act>
        </>
      }
    >
      <Promote
        place={place}
        deployment={deployment}
        opened={asking === "promote"}
        onClose={() => setAsking(undefined)}
      />
      <PhaseBar phases={bar} />
      {deployment.failure && (
        <section className={classes.failure} role="alert" aria-label="Why it failed">
          <h2>{deployment.failure.sentence}</h2>
          <pre className={classes.evidence}>{deployment.failure.evidence}</pre>
          <p>→ {deployment.failure.hint}</p>
          <p>
            <code>{deployment.failure.code}</code> ·{" "}
            <Link
              to="/apps/$app/$env/logs"
              params={{ app: place.app, env: place.env }}
              search={{ since: deployment.created_at }}
            >
              Log since this deployment began
            </Link>
          </p>
        </section>
      )}
      <div className={classes.columns}>
        <div className={classes.column}>
          {built.length > 0 && <Builds place={place} builds={built} />}
          <OldNew instances={all} release={deployment.release} finished={deployment.finished} />
          <Traffic place={place} release={deployment.release} />
          {receipt.data && <ReceiptCard receipt={receipt.data} />}
          {receipt.isError && fault(receipt.error).status !== 409 && (
            <FaultBox error={receipt.error} />
          )}
        </div>
        <div className={classes.column}>
          {before !== undefined && release.data && (
            <Difference place={place} from={before} to={deployment.release} />
          )}
          <Card title="What happened" flush>
            {events.isError && <FaultBox error={events.error} onRetry={() => events.refetch()} />}
            {events.isPending && <Loading />}
            {events.data && <EventList events={[...events.data.items].reverse()} />}
          </Card>
        </div>
      </div>
      <Confirm
        opened={asking === "cancel"}
        onClose={() => setAsking(undefined)}
        title={`Cancel deployment #${deployment.number}?`}
        deed="Cancel it"
        onConfirm={() => deploymentCancel({ path, throwOnError: true })}
      >
        What has begun is brought back; the release that serves now goes on serving, without a lost
        request.
      </Confirm>
      <Confirm
        opened={asking === "rollback"}
        onClose={() => setAsking(undefined)}
        title={`Undo deployment #${deployment.number}?`}
        deed="Roll back"
        onConfirm={async () => {
          const { data } = await deploymentRollback({ path, throwOnError: true });
          await go(data.number);
        }}
      >
        A new deployment carries the environment to the release that served before v
        {deployment.release}. Requests go on being answered meanwhile; configuration of that release
        comes back with it, data stays as it is.
      </Confirm>
    </Page>
  );
}
