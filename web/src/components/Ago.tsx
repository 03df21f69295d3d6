// A time as people say it, with the exact one (UTC) on hover.

import { ago, utc } from "../lib/format";
import { useNow } from "../lib/now";

export function Ago({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={utc(at)}>
      {ago(at, now)}
    </time>
  );
}
