// What the switch did to requests.

import type { Receipt } from "@segue/client";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { duration, number } from "../../lib/format";
import own from "./deployment.module.css";

function Fact({ name, value, bad }: { name: string; value: string; bad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-bad={bad || undefined}>{value}</dd>
    </div>
  );
}

export function ReceiptCard({ receipt }: { receipt: Receipt }) {
  const over = receipt.until !== undefined && Date.parse(receipt.until) <= Date.now();
  return (
    <Card title="Receipt of the switch">
      <dl className={own.facts}>
        <Fact name="Requests" value={number(receipt.requests)} />
        <Fact name="Failed by Segue" value={number(receipt.failed)} bad={receipt.failed > 0} />
        <Fact name="Longest wait" value={duration(receipt.longest_wait_us / 1000)} />
        <Fact name="Longest request" value={duration(receipt.longest_request_us / 1000)} />
        <Fact name="Tried again" value={number(receipt.retries)} />
        <Fact
          name="App’s own 5xx"
          value={number(receipt.by_class.server_error)}
          bad={receipt.by_class.server_error > 0}
        />
      </dl>
      <p className={classes.reason}>
        {over
          ? "From the first route with the new release to the last acknowledgement, drain time included."
          : "The switch is not over: the figures still grow."}
      </p>
    </Card>
  );
}
