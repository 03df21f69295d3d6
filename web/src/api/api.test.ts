// What the stream and the errors do without a browser.
import { describe, expect, it } from "vitest";
import { step } from "./connection";
import { chooseTeam } from "./hooks";
import { stale, subjectOf } from "./invalidate";
import { whyNot } from "./may";
import { fault, fieldOf, formFaults } from "./problem";

describe("the connection's state", () => {
  it("keeps the moment at which a loss began over every further try", () => {
    const first = step({ state: "open" }, { type: "lost", now: 10 });
    expect(step(first, { type: "lost", now: 99 })).toEqual({ state: "lost", since: 10 });
    expect(step(first, { type: "open" })).toEqual({ state: "open" });
  });
  it("never leaves its end", () => {
    const ended = step({ state: "open" }, { type: "refused", reason: "gone" });
    expect(step(ended, { type: "open" })).toBe(ended);
    expect(step(ended, { type: "lost", now: 1 })).toBe(ended);
  });
});

describe("what an event makes stale", () => {
  const none = { app: [], env: [] };
  it("knows its subject", () => {
    expect(subjectOf("instance.lost")).toBe("instance");
    expect(subjectOf("odd")).toBe("odd");
  });
  it("reads again what it is about and nothing else", () => {
    const event = { kind: "instance.created", app: "app_1" };
    expect(stale(event, { _id: "instanceList" }, none)).toBe(true);
    expect(stale(event, { _id: "secretList" }, none)).toBe(false);
    expect(stale(event, { _id: "eventList" }, none)).toBe(true);
  });
  it("leaves other apps and environments alone where it knows their names", () => {
    const event = { kind: "deployment.changed", app: "app_1", environment: "env_1" };
    const names = { app: ["app_1", "shop"], env: ["env_1", "production"] };
    const at = (app: string, env: string) =>
      stale(event, { _id: "deploymentList", path: { app, env } }, names);
    expect(at("shop", "production")).toBe(true);
    expect(at("shop", "staging")).toBe(false);
    expect(at("other", "production")).toBe(false);
    expect(stale(event, { _id: "deploymentList", path: { app: "x", env: "y" } }, none)).toBe(true);
  });
  it("reads everything but the person's own again for a word that is new", () => {
    expect(stale({ kind: "moon.risen" }, { _id: "serviceList" }, none)).toBe(true);
    expect(stale({ kind: "moon.risen" }, { _id: "meGet" }, none)).toBe(false);
  });
});

describe("problems", () => {
  const problem = (errors: { pointer: string; detail: string }[], hint?: string) => ({
    title: "No",
    detail: "it cannot be",
    code: "invalid",
    status: 422,
    hint,
    request_id: "req_1",
    errors,
  });
  it("go to the field that their pointer names", () => {
    const seen = formFaults(problem([{ pointer: "/email", detail: "not an address" }]), [
      "email",
      "name",
    ]);
    expect(seen).toEqual({ byField: { email: "not an address" } });
  });
  it("are said above the form where it has no such field", () => {
    const seen = formFaults(problem([{ pointer: "/odd", detail: "bad" }], "mend it"), ["email"]);
    expect(seen).toEqual({ byField: {}, rest: "odd: bad — mend it" });
  });
  it("without a place are told as they are", () => {
    expect(formFaults(problem([]), ["email"]).rest).toBe("it cannot be");
  });
  it("of the network say that nothing is lost", () => {
    expect(fault(new TypeError("fetch failed")).code).toBe("connection");
    expect(fault("odd").code).toBe("unexpected");
  });
  it("have pointers with escaped names", () => {
    expect(fieldOf("/values/A~1B~0C")).toBe("values.A/B~C");
  });
});

describe("the team that is shown", () => {
  const teams = [
    { id: "1", name: "acme" },
    { id: "2", name: "beta" },
  ];
  it("is the address's, and no other in its place", () => {
    expect(chooseTeam(teams, "beta")?.id).toBe("2");
    expect(chooseTeam(teams, "strangers")).toBeUndefined();
    expect(chooseTeam(teams, undefined)?.id).toBe("1");
  });
});

describe("why something may not be done", () => {
  it("names the role that is needed", () => {
    expect(whyNot("viewer", "deploy")).toContain("deployer or higher");
    expect(whyNot("deployer", "deploy")).toBeUndefined();
    expect(whyNot("deployer", "members")).toContain("admin");
    expect(whyNot("odd", "deploy")).toBeDefined();
  });
  it("wants an admin in a protected environment", () => {
    expect(whyNot("deployer", "deploy", true)).toContain("protected");
    expect(whyNot("admin", "deploy", true)).toBeUndefined();
  });
  it("wants an owner for what a protected environment holds", () => {
    expect(whyNot("deployer", "reveal")).toContain("admin");
    expect(whyNot("admin", "reveal")).toBeUndefined();
    expect(whyNot("admin", "reveal", true)).toContain("owner");
    expect(whyNot("owner", "reveal", true)).toBeUndefined();
  });
});
