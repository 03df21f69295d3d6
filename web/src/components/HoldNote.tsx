// Says that deployments are stopped, by whom and why, on every page that it concerns.

import { Link } from "@tanstack/react-router";
import { useHold } from "../api/holds";
import { holdSentence } from "../lib/holds";
import classes from "./components.module.css";

export interface HoldNoteProps {
  path: { team: string; app: string };
  /** An environment's id; without one only what holds the whole app. */
  env?: string;
}

export function HoldNote({ path, env }: HoldNoteProps) {
  const hold = useHold(path, env);
  if (!hold) return null;
  return (
    <div className={classes.note} role="status">
      <strong>{holdSentence(hold)}</strong>
      <p>
        Nothing is deployed {hold.whole ? "to any environment of the app" : "here"} meanwhile; the
        way back to an older release stays open.{" "}
        <Link to="/apps/$app/-/holds" params={{ app: path.app }}>
          Locks and freeze windows
        </Link>
      </p>
    </div>
  );
}
