// Every form's worst case: nothing, too much, the wrong kind. The bounds are the document's, not a copy of them.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Check, checks, coresCheck, daysCheck, gibCheck, keyCheck } from "./checks";

interface Schema {
  required?: string[];
  properties: Record<
    string,
    {
      type?: string | string[];
      maxLength?: number;
      minLength?: number;
      pattern?: string;
      maximum?: number;
      minimum?: number;
      maxItems?: number;
    }
  >;
}

const document = JSON.parse(readFileSync("../openapi/v1.json", "utf8")) as {
  components: { schemas: Record<string, Schema> };
};

/** Good values, so that no check refuses everything. */
const GOOD: Record<string, string> = {
  email: "ada@example.com",
  address: "ada@example.com",
  password: "correct horse battery",
  current: "correct horse battery",
  new: "correct horse battery",
  name: "shop",
  team: "acme",
  url: "https://git.example.com/shop.git",
  branch: "main",
  ref: "main",
  image: "registry.example.com/shop:1.0",
  host: "ghcr.io",
  username: "ada",
  reason: "a migration runs",
  time_zone: "Europe/Berlin",
  from: "16:00",
  starts_at: "2026-01-31T12:00",
  ends_at: "2026-01-31T12:00",
  until: "2999-01-31T12:00",
  minutes: "90",
  limit: "10",
  apps: "5",
  command: "python manage.py migrate",
  value: "x",
  address_ranges: "203.0.113.7, 203.0.113.0/24",
  events: "deployment.* build.failed",
};

/** Texts of other kinds; of these, the ones that a pattern refuses. */
const WRONG = ["Not THIS!", "a:b c", "a\u0000b", "a\u0007b", "a\nb", "@", "-"];

/** A text that is refused for its length alone: of the kind, and `length` long. */
function long(member: string, length: number): string {
  if (member === "email" || member === "address") return `${"a".repeat(length - 12)}@example.com`;
  if (member === "url") return `https://example.com/${"a".repeat(length - 20)}`;
  return "a".repeat(length);
}

describe("every check of a form", () => {
  const all = Object.entries(checks).flatMap(([schema, members]) =>
    Object.entries(members).map(([member, check]) => ({ schema, member, check: check as Check })),
  );
  it.each(all)("of $schema, $member, has the document's bounds", ({ schema, member, check }) => {
    const bounds = document.components.schemas[schema]?.properties[member];
    expect(bounds, `${schema}.${member} is not in the document`).toBeDefined();
    expect(check(GOOD[member] ?? "")).toBeNull();
    if (bounds?.maxLength) {
      expect(check(long(member, bounds.maxLength + 1))).not.toBeNull();
      if (!["time_zone", "host"].includes(member))
        expect(check(long(member, bounds.maxLength))).toBeNull();
    }
    const must = document.components.schemas[schema]?.required?.includes(member);
    if (must) expect(check("")).not.toBeNull();
    if (bounds?.minLength && bounds.minLength > 1)
      expect(check("a".repeat(bounds.minLength - 1))).not.toBeNull();
    if (bounds?.pattern) {
      const pattern = new RegExp(bounds.pattern, "u");
      const wrong = WRONG.filter((text) => !pattern.test(text));
      expect(wrong.length, `no sample is outside of ${bounds.pattern}`).toBeGreaterThan(0);
      for (const text of wrong) expect(check(text), JSON.stringify(text)).not.toBeNull();
      expect(GOOD[member]).toMatch(pattern);
    }
    if (bounds?.maximum !== undefined) {
      expect(check(String(bounds.maximum))).toBeNull();
      expect(check(String(bounds.maximum + 1))).not.toBeNull();
      for (const wrong of ["-1", "1.5", "many", "1e3", "NaN"]) expect(check(wrong)).not.toBeNull();
    }
    if (bounds?.maxItems && ["address_ranges", "events"].includes(member)) {
      const one = member === "events" ? "a.b " : "10.0.0.1 ";
      expect(check(one.repeat(bounds.maxItems))).toBeNull();
      expect(check(one.repeat(bounds.maxItems + 1))).not.toBeNull();
    }
  });

  it("refuses what is no text of one line", () => {
    for (const check of [checks.LockCreate.reason, checks.WebhookCreate.name]) {
      expect(check("two\nlines")).not.toBeNull();
      expect(check("   ")).not.toBeNull();
    }
  });

  it("refuses addresses that are none", () => {
    for (const wrong of ["ftp://x", "javascript:alert(1)", "https://", "x", "http://a b"])
      expect(checks.Repo.url(wrong), wrong).not.toBeNull();
    for (const wrong of ["10.0.0.1/x", "example.com", "ada"])
      expect(checks.TokenCreate.address_ranges(wrong), wrong).not.toBeNull();
    for (const wrong of ["deployment", "a.b.c", "Deployment.changed", "*.x"])
      expect(checks.WebhookCreate.events(wrong), wrong).not.toBeNull();
  });

  it("refuses a time that is past, and one that is none", () => {
    expect(checks.LockCreate.until("2001-01-01T00:00")).toContain("past");
    expect(checks.LockCreate.until("soon")).not.toBeNull();
    expect(checks.LockCreate.until("")).toBeNull();
    expect(checks.FreezeCreate.starts_at("")).not.toBeNull();
    expect(checks.FreezeCreate.time_zone("Mars/Olympus")).not.toBeNull();
    expect(checks.FreezeCreate.from("25:00")).not.toBeNull();
  });

  it("refuses commands that cannot be split", () => {
    for (const wrong of ["", "  ", "echo 'open", "echo \\"])
      expect(checks.RunCreate.command(wrong), wrong).not.toBeNull();
  });

  it("has units that people use within the document's", () => {
    const ttl = document.components.schemas.EnvironmentUpdate?.properties.ttl?.maximum ?? 0;
    expect(daysCheck(String(ttl / 86_400))).toBeNull();
    expect(daysCheck(String(ttl / 86_400 + 1))).not.toBeNull();
    const quota = document.components.schemas.QuotaSet?.properties;
    const cores = (quota?.cpu_millis?.maximum ?? 0) / 1000;
    const gib = (quota?.memory_bytes?.maximum ?? 0) / 1024 ** 3;
    expect(coresCheck(String(cores))).toBeNull();
    expect(coresCheck(String(cores + 1))).not.toBeNull();
    expect(gibCheck(String(gib))).toBeNull();
    expect(gibCheck(String(gib + 1))).not.toBeNull();
    for (const wrong of ["-1", "many", "1e9", "1.2345"]) expect(coresCheck(wrong)).not.toBeNull();
    expect(coresCheck("0,5")).toBeNull();
  });

  it("knows names of variables", () => {
    expect(keyCheck("LOG_LEVEL")).toBeNull();
    for (const wrong of ["", "1A", "A-B", "A B", "x".repeat(129)])
      expect(keyCheck(wrong)).not.toBeNull();
  });
});
