// What stops deployments, command lines as arguments, and runs in words.
import { describe, expect, it } from "vitest";
import { holdNow, holdSentence, windowEnd } from "./holds";
import { runVerdict, typed } from "./runs";
import { splitWords } from "./words";

const made = { created_by: "ada", created_at: "2026-01-01T00:00:00Z" };
const at = (text: string) => Date.parse(text);

describe("a lock", () => {
  const lock = { ...made, reason: "a migration", environment: "env_1" };
  it("holds its environment only, until it ends", () => {
    const now = at("2026-01-31T12:00:00Z");
    expect(holdNow("env_1", [lock], [], now)?.by).toBe("ada");
    expect(holdNow("env_2", [lock], [], now)).toBeUndefined();
    const ended = { ...lock, until: "2026-01-31T12:00:00Z" };
    expect(holdNow("env_1", [ended], [], now)).toBeUndefined();
    expect(holdNow("env_1", [ended], [], now - 1)?.until).toBe(ended.until);
  });
  it("of the app holds each", () => {
    const whole = { ...made, reason: "all" };
    const hold = holdNow("env_9", [whole], [], 0);
    expect(hold?.whole).toBe(true);
    expect(hold && holdSentence(hold)).toBe("Locked by ada because “all”.");
  });
});

describe("a freeze window", () => {
  const weekly = {
    ...made,
    id: "frz_1",
    reason: "the weekend",
    time_zone: "Europe/Berlin",
    days: [5],
    from: "16:00",
    minutes: 4 * 24 * 60,
  };
  it("of every week goes over midnight and the week's end, by its own clock", () => {
    // Friday 2026-01-30 16:00 in Berlin is 15:00 UTC.
    expect(windowEnd(weekly, at("2026-01-30T14:59:59Z"))).toBeUndefined();
    expect(windowEnd(weekly, at("2026-01-30T15:00:00Z"))).toBe("2026-02-03T15:00:00.000Z");
    expect(windowEnd(weekly, at("2026-02-02T03:00:00Z"))).toBe("2026-02-03T15:00:00.000Z");
    expect(windowEnd(weekly, at("2026-02-03T15:00:00Z"))).toBeUndefined();
  });
  it("once has a beginning and an end", () => {
    const once = {
      ...made,
      id: "frz_2",
      reason: "the fair",
      time_zone: "UTC",
      starts_at: "2026-01-31T00:00:00Z",
      ends_at: "2026-02-01T00:00:00Z",
    };
    expect(holdNow(undefined, [], [once], at("2026-01-31T10:00:00Z"))?.what).toBe("frozen");
    expect(holdNow(undefined, [], [once], at("2026-02-01T00:00:00Z"))).toBeUndefined();
  });
  it("of a time zone that is not known here says nothing", () => {
    expect(windowEnd({ ...weekly, time_zone: "Mars/Olympus" }, 0)).toBeUndefined();
  });
});

describe("a command line", () => {
  it("is split as a shell splits it", () => {
    expect(splitWords(`python manage.py  migrate`).words).toEqual([
      "python",
      "manage.py",
      "migrate",
    ]);
    expect(splitWords(`sh -c 'a | b "c"' ''`).words).toEqual(["sh", "-c", 'a | b "c"', ""]);
    expect(splitWords(`a\\ b "x\\"y\\n"`).words).toEqual(["a b", 'x"y\\n']);
  });
  it("tells what only a shell would understand", () => {
    expect(splitWords("a | b").shell).toBe(true);
    expect(splitWords("sh -c 'a | b'").shell).toBe(false);
  });
  it("is refused where it is open or too long", () => {
    for (const wrong of ["", "'x", '"x', "x\\", "a ".repeat(257)])
      expect(splitWords(wrong).fault).toBeDefined();
  });
});

describe("a run", () => {
  const run = {
    id: "run_1",
    number: 1,
    state: "failed",
    finished: true,
    service: "web",
    command: ["x"],
    release: 1,
    time_limit: 60,
    oom: false,
    cancel_requested: false,
    ...made,
  };
  it("is told in a word", () => {
    expect(runVerdict({ ...run, exit_code: 3 }).word).toBe("exited 3");
    expect(runVerdict({ ...run, oom: true, exit_code: 137 }).word).toBe("out of memory");
    const running = { ...run, state: "running", finished: false };
    expect(runVerdict({ ...running, cancel_requested: true }).word).toBe("being stopped");
    expect(runVerdict({ ...run, state: "new_word" }).word).toBe("new_word");
  });
  it("shows its command as it would be typed", () => {
    const command = ["sh", "-c", "echo 'a' | cat", ""];
    expect(splitWords(typed(command)).words).toEqual(command);
  });
});
