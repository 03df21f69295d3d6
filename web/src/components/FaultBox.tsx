// An error, with what to do next and the number under which the server's log has it.

import { Button } from "@mantine/core";
import { fault } from "../api/problem";
import classes from "./components.module.css";

export function FaultBox({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const seen = fault(error);
  return (
    <div className={classes.fault} role="alert" tabIndex={-1}>
      <strong>{seen.title}</strong>
      <p>{seen.detail}</p>
      {seen.errors.map((one) => (
        <p key={one.pointer + one.detail}>
          <code>{one.pointer}</code> {one.detail}
        </p>
      ))}
      {seen.failure && (
        <p>
          {seen.failure.sentence} {seen.failure.evidence}
        </p>
      )}
      {seen.hint && <p>→ {seen.hint}</p>}
      {seen.requestId && <small>Request {seen.requestId}</small>}
      {onRetry && (
        <p>
          <Button size="compact-sm" variant="default" onClick={onRetry}>
            Try again
          </Button>
        </p>
      )}
    </div>
  );
}
