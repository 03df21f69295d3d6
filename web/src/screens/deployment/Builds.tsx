// What the builder does: its steps, cached ones folded, and its log.

import { Button } from "@mantine/core";
import { type BuildDetail, buildCancel } from "@segue/client";
import { useState } from "react";
import { fault } from "../../api/problem";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import { Status, type Tone } from "../../components/Status";
import { toast } from "../../components/toast";
import { duration } from "../../lib/format";
import { foldSteps } from "../../lib/steps";
import { type Place, useWhyNotHere } from "../env/place";
import { BuildLog } from "./BuildLog";
import classes from "./deployment.module.css";

function verdict(build: BuildDetail): { tone: Tone; word: string } {
  switch (build.state) {
    case "succeeded":
      return { tone: "ok", word: "built" };
    case "failed":
    case "timed_out":
      return { tone: "bad", word: build.state.replace("_", " ") };
    case "cancelled":
      return { tone: "idle", word: "cancelled" };
    case "queued":
      return { tone: "idle", word: "waiting for the builder" };
    default:
      return { tone: "busy", word: build.state };
  }
}

function Build({ place, build }: { place: Place; build: BuildDetail }) {
  const ended = build.finished_at !== undefined;
  const [log, setLog] = useState(!ended || build.state !== "succeeded");
  const [all, setAll] = useState(false);
  const { shown, cached, internal } = foldSteps(build.steps, all);
  const { tone, word } = verdict(build);
  const folded = cached + internal;
  const why = useWhyNotHere()("deploy");
  const stop = () =>
    buildCancel({ path: { ...place, build: build.id }, throwOnError: true }).catch(
      (error: unknown) => toast({ message: fault(error).detail, color: "red" }),
    );
  return (
    <Card
      title={build.kind === "resolve" ? `Image ${build.image ?? ""}` : "Build"}
      actions={<Status tone={tone}>{word}</Status>}
      flush
    >
      <ol className={classes.steps} aria-label="Steps">
        {shown.map((step) => (
          <li key={step.key} data-state={step.state}>
            <span className={classes.mark} data-state={step.state}>
              {step.state}
            </span>
            <code>{step.name}</code>
            {step.tookMs !== undefined && (
              <span className={classes.took}>{duration(step.tookMs)}</span>
            )}
          </li>
        ))}
      </ol>
      <div className={classes.fold}>
        {(folded > 0 || all) && (
          <Button size="compact-sm" variant="subtle" onClick={() => setAll((was) => !was)}>
            {all
              ? "Fold"
              : `${cached > 0 ? `${cached} from cache` : ""}${cached > 0 && internal > 0 ? ", " : ""}${internal > 0 ? `${internal} of the builder` : ""}: show`}
          </Button>
        )}
        <Button
          size="compact-sm"
          variant="subtle"
          aria-expanded={log}
          onClick={() => setLog((was) => !was)}
        >
          {log ? "Hide the log" : "Show the log"}
        </Button>
        {!ended && (
          <Act size="compact-sm" variant="subtle" color="red" why={why} onClick={() => void stop()}>
            Stop the build
          </Act>
        )}
      </div>
      {log && <BuildLog place={place} build={build.id} ended={ended} />}
    </Card>
  );
}

export function Builds({ place, builds }: { place: Place; builds: BuildDetail[] }) {
  return builds.map((build) => <Build key={build.id} place={place} build={build} />);
}
