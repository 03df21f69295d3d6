// The logic of the page, without one.
import type { BuildDetail, Deployment, Instance, Receipt } from "@segue/client";
import { describe, expect, it } from "vitest";
import { browserName } from "./browser";
import { applied, difference, effective, meanwhile, origin } from "./configdiff";
import { parseDotenv } from "./dotenv";
import { ago, bytes, clock, cpus, duration, number, percent, plainTimes, utc } from "./format";
import { findLine, LogBuffer, sinceTime } from "./logbuffer";
import { whole } from "./pages";
import { phases, phaseTime } from "./phases";
import { editedServices, unchanged } from "./plan";
import { rank } from "./search";
import { columns } from "./series";
import { foldSteps } from "./steps";

describe("times and numbers", () => {
  it("says durations in their own size", () => {
    const said = [0, 840, 3210, 42_000, 125_000, 3_600_000, 11_400_000, 200_000_000].map(duration);
    expect(said).toEqual([
      "0 ms",
      "840 ms",
      "3.2 s",
      "42 s",
      "2 min 5 s",
      "1 h",
      "3 h 10 min",
      "2 d 7 h",
    ]);
    expect(duration(Number.NaN)).toBe("–");
    expect(duration(-1)).toBe("–");
  });
  it("says moments against the present", () => {
    const now = Date.parse("2026-01-31T12:00:00Z");
    const at = (text: string) => ago(text, now);
    expect(at("2026-01-31T11:59:58Z")).toBe("just now");
    expect(at("2026-01-31T11:59:18Z")).toBe("42 s ago");
    expect(at("2026-01-31T12:10:00Z")).toBe("in 10 min");
    expect(at("2025-01-01T00:00:00Z")).toBe("2025-01-01");
    expect(at("yesterday")).toBe("yesterday");
    expect(utc("2026-01-31T12:00:00.123456Z")).toBe("2026-01-31 12:00:00 UTC");
    expect(clock("2026-01-31T12:00:00.123456Z")).toBe("12:00:00.123");
    expect(plainTimes("until 2026-01-31T12:00:07.141984Z, then")).toBe("until 12:00:07 UTC, then");
  });
  it("says sizes and shares", () => {
    expect([bytes(0), bytes(536_870_912), bytes(1_610_612_736)]).toEqual([
      "0 B",
      "512 MiB",
      "1.5 GiB",
    ]);
    expect([cpus(250), cpus(2000)]).toEqual(["0.25", "2"]);
    expect(number(18_412)).toBe("18\u202f412");
    expect([percent(1, 3), percent(0, 5), percent(5, 5), percent(1, 0)]).toEqual([
      "33.3 %",
      "0 %",
      "100 %",
      "–",
    ]);
  });
});

describe("a pasted .env", () => {
  it("is read with quotes, comments, exports and several lines", () => {
    const { entries, faults } = parseDotenv(
      `\uFEFF# top\r\nA=1\r\nexport B = two words # not this\nC="x\\ny"\nD='$HOME #'\nE="first\nsecond"\nF=\n`,
    );
    expect(Object.fromEntries(entries.map((one) => [one.key, one.value]))).toEqual({
      A: "1",
      B: "two words",
      C: "x\ny",
      D: "$HOME #",
      E: "first\nsecond",
      F: "",
    });
    expect(faults).toEqual([]);
  });
  it("names each line that cannot be read", () => {
    const { entries, faults } = parseDotenv('no equals\n1A=x\nB=1\nB=2\nC="open');
    expect(entries).toEqual([{ key: "B", value: "2", line: 4 }]);
    expect(faults.map((one) => one.line)).toEqual([1, 2, 3, 5]);
  });
});

describe("changes of a configuration", () => {
  const base = { A: "1", B: "2", C: "3" };
  it("are what differs", () => {
    expect(difference(base, { A: "1", B: "x", D: "4" })).toEqual([
      { key: "B", before: "2", after: "x" },
      { key: "C", before: "3", after: undefined },
      { key: "D", before: undefined, after: "4" },
    ]);
    expect(applied(base, { A: null, D: "4" })).toEqual({ B: "2", C: "3", D: "4" });
    expect(effective(base, { A: "1", B: null, X: null })).toEqual({ B: null });
  });
  it("of others are told apart by whether they meet ours", () => {
    const { clashes, others } = meanwhile(base, { A: "9", B: "8", C: "3" }, { A: "5", B: "8" });
    expect(clashes).toEqual([{ key: "A", before: "1", after: "9" }]);
    expect(others).toEqual([{ key: "B", before: "2", after: "8" }]);
  });
  it("have an author, who set the value first", () => {
    const versions: { version: number; values: Record<string, string>; created_by: string }[] = [
      { version: 3, values: { A: "2", B: "1" }, created_by: "cy" },
      { version: 2, values: { A: "2" }, created_by: "bo" },
      { version: 1, values: { A: "1" }, created_by: "ada" },
    ];
    expect(origin(versions, "A")?.created_by).toBe("bo");
    expect(origin(versions, "B")?.created_by).toBe("cy");
    expect(origin(versions, "Z")).toBeUndefined();
  });
});

const t = (second: number) => new Date(Date.UTC(2026, 0, 31, 12, 0, second)).toISOString();
const deployment = (state: string, more: Partial<Deployment> = {}) =>
  ({
    state,
    finished: false,
    live: false,
    builds: ["b"],
    created_at: t(0),
    release: 2,
    ...more,
  }) as Deployment;
const build = (state: string, from?: number, until?: number) =>
  ({ state, started_at: from && t(from), finished_at: until && t(until) }) as BuildDetail;
const instance = (created: number, started?: number, ready?: number) =>
  ({
    created_at: t(created),
    started_at: started && t(started),
    ready_at: ready && t(ready),
  }) as Instance;

describe("phases", () => {
  it("of a live deployment have every time that was recorded", () => {
    const bar = phases({
      deployment: deployment("baking", { live: true, live_at: t(20), started_at: t(9) }),
      builds: [build("succeeded", 1, 8)],
      instances: [instance(10, 12, 15), instance(10, 13, 16)],
      receipt: { from: t(18) } as Receipt,
      releaseCommand: false,
    });
    const times = Object.fromEntries(
      bar.map((phase) => [phase.name, phaseTime(phase, Date.parse(t(30)))]),
    );
    expect(times).toEqual({
      build: 7000,
      release: undefined,
      start: 3000,
      health: 3000,
      switch: 2000,
      bake: 10_000,
    });
    expect(bar.map((phase) => phase.state)).toEqual([
      "done",
      "skipped",
      "done",
      "done",
      "done",
      "running",
    ]);
  });
  it("show the build that failed and nothing after it", () => {
    const bar = phases({
      deployment: deployment("failed", { finished: true, finished_at: t(9) }),
      builds: [build("failed", 1, 8)],
      instances: [],
      releaseCommand: false,
    });
    expect(bar[0]).toMatchObject({ name: "build", state: "failed" });
    expect(bar.slice(1).every((phase) => phase.state === "skipped")).toBe(true);
  });
  it("show health as what failed where the process ran and never became ready", () => {
    const bar = phases({
      deployment: deployment("rolled_back", {
        finished: true,
        started_at: t(9),
        failure: { code: "health_timeout" } as Deployment["failure"],
      }),
      builds: [build("succeeded", 1, 8)],
      instances: [instance(10, 12)],
      releaseCommand: false,
    });
    expect(bar.find((phase) => phase.state === "failed")?.name).toBe("health");
  });
  it("stay at the build while it runs and nothing was started", () => {
    const bar = phases({
      deployment: deployment("starting"),
      builds: [build("claimed", 1)],
      instances: [],
      releaseCommand: false,
    });
    expect(bar[0]).toMatchObject({ name: "build", state: "running" });
    expect(bar.find((phase) => phase.name === "start")?.state).toBe("waiting");
  });
  it("guess no time", () => {
    const bar = phases({
      deployment: deployment("starting"),
      builds: [build("succeeded", 1, 8)],
      instances: [instance(10, 12), instance(10)],
      releaseCommand: false,
    });
    const start = bar.find((phase) => phase.name === "start");
    expect(start?.state).toBe("running");
    expect(start?.until).toBeUndefined();
  });
});

describe("steps of a build", () => {
  it("fold what was cached and what the builder does for itself, unless it failed", () => {
    const raw = [
      { name: "[internal] load", state: "done", internal: true, number: 0 },
      { name: "FROM", state: "cached", number: 1 },
      { name: "RUN", state: "done", took_ms: 5, number: 2 },
      { name: "[internal] x", state: "failed", internal: true, number: 3 },
    ];
    const folded = foldSteps(raw, false);
    expect(folded.shown.map((step) => step.name)).toEqual(["RUN", "[internal] x"]);
    expect([folded.cached, folded.internal]).toEqual([1, 1]);
    expect(foldSteps(raw, true).shown).toHaveLength(4);
    expect(foldSteps([{}], false).shown[0]?.name).toBe("step");
  });
});

describe("lines of a log", () => {
  const line = (n: number) => ({
    at: `t${n}`,
    stream: "stdout",
    instance: "web.1",
    text: String(n),
  });
  it("are bounded, and the oldest go first", () => {
    const buffer = new LogBuffer(100);
    for (let n = 0; n < 250; n += 1) buffer.add([line(n)]);
    expect(buffer.lines.length).toBeLessThanOrEqual(110);
    expect(buffer.lines.at(-1)?.text).toBe("249");
    expect(buffer.dropped + buffer.lines.length).toBe(250);
  });
  it("are found by their name", () => {
    const lines = [line(1), line(2)];
    expect(findLine(lines, { at: "t2", instance: "web.1" })).toBe(1);
    expect(findLine(lines, { at: "t2", instance: "web.9" })).toBe(-1);
  });
  it("are asked for since a word or a time", () => {
    const now = Date.parse("2026-01-31T12:00:00Z");
    expect(sinceTime("1h", now)).toBe("2026-01-31T11:00:00.000Z");
    expect(sinceTime("2026-01-01T00:00:00Z", now)).toBe("2026-01-01T00:00:00Z");
    expect(sinceTime("odd", now)).toBeUndefined();
  });
});

describe("series", () => {
  it("have zeros where nothing was counted, gaps where nothing was timed, and no step that is not over", () => {
    const made = columns({
      from: "2026-01-31T12:00:00Z",
      until: "2026-01-31T12:00:35Z",
      step_s: 10,
      points: [
        {
          at: "2026-01-31T12:00:10Z",
          requests: 20,
          client_errors: 1,
          server_errors: 2,
          failed: 3,
          p50_us: 1000,
          p95_us: 2500,
        },
      ],
    });
    expect(made.x).toHaveLength(3);
    expect(made.requestsPerS).toEqual([0, 2, 0]);
    expect(made.p95).toEqual([null, 2.5, null]);
  });
});

describe("the rest", () => {
  it("reads every page of a list as one", async () => {
    const asked: unknown[] = [];
    const { queryFn } = whole({
      queryFn: async ({ queryKey }: { queryKey: readonly unknown[] }) => {
        const { path, query } = queryKey[0] as { path: string; query: { cursor?: string } };
        asked.push({ path, ...query });
        return query.cursor
          ? { items: [3], missing: ["A"] }
          : { items: [1, 2], missing: ["A"], next_cursor: "b" };
      },
    });
    const all = await queryFn({ queryKey: [{ path: "here", query: { gone: true } }] });
    expect(all).toEqual({ items: [1, 2, 3], missing: ["A"] });
    expect(asked).toEqual([
      { path: "here", gone: true, limit: 100, cursor: undefined },
      { path: "here", gone: true, limit: 100, cursor: "b" },
    ]);
  });
  it("finds by letters, the beginning of words first", () => {
    const found = rank(
      ["shop production Logs", "blog staging", "Logs of all"],
      "logs",
      (text) => text,
    );
    expect(found).toEqual(["Logs of all", "shop production Logs", "blog staging"]);
    expect(rank(["a", "b"], " ", (text) => text)).toEqual(["a", "b"]);
    expect(rank(["abc"], "xyz", (text) => text)).toEqual([]);
  });
  it("makes a specification only of what was said", () => {
    const web = { name: "web", kind: "web" as const, command: " run ", port: 80, replicas: 2 };
    const worker = { name: "w", kind: "worker" as const, command: "", port: 80, replicas: 1 };
    expect(editedServices([web, worker])).toEqual({
      web: { kind: "web", command: "run", port: 80, replicas: 2 },
      w: { kind: "worker", replicas: 1 },
    });
    expect(unchanged([web], [{ ...web }])).toBe(true);
  });
  it("names browsers", () => {
    expect(
      browserName("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36"),
    ).toBe("Chrome on Linux");
    expect(browserName("")).toBe("not known");
  });
});
