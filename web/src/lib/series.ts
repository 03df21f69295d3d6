// Series as charts draw them, made of what was counted. Pure. A step without a point had no request: that is a
// zero for counts, and a gap for times.

/** What is needed of the API's answer. */
export interface Counted {
  from: string;
  until: string;
  step_s: number;
  points: {
    at: string;
    requests: number;
    client_errors: number;
    server_errors: number;
    failed: number;
    p50_us: number;
    p95_us: number;
  }[];
}

/** Columns over time; `x` in seconds. */
export interface Columns {
  x: number[];
  requestsPerS: number[];
  clientErrors: number[];
  serverErrors: number[];
  failed: number[];
  p50: (number | null)[];
  p95: (number | null)[];
}

/** Fills every step from the first to the present. */
export function columns(counted: Counted): Columns {
  const byStep = new Map(
    counted.points.map((point) => [Math.round(Date.parse(point.at) / 1000), point]),
  );
  const from = Math.round(Date.parse(counted.from) / 1000);
  const until = Math.floor(Date.parse(counted.until) / 1000);
  const step = Math.max(1, counted.step_s);
  const made: Columns = {
    x: [],
    requestsPerS: [],
    clientErrors: [],
    serverErrors: [],
    failed: [],
    p50: [],
    p95: [],
  };
  // The last step is not over yet and would look like a fall.
  for (let at = from; at + step <= until; at += step) {
    const point = byStep.get(at);
    made.x.push(at);
    made.requestsPerS.push((point?.requests ?? 0) / step);
    made.clientErrors.push(point?.client_errors ?? 0);
    made.serverErrors.push(point?.server_errors ?? 0);
    made.failed.push(point?.failed ?? 0);
    made.p50.push(point ? point.p50_us / 1000 : null);
    made.p95.push(point ? point.p95_us / 1000 : null);
  }
  return made;
}

/** The sum of a column. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
