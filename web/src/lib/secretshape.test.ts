// The rules for secrets in plain configuration are those of the command line.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { looksSecret, secretShape } from "./secretshape";

interface Case {
  key: string;
  value: string[];
  shape: string | null;
}

it("answers every case of the shared fixture as it says", () => {
  const path = "../tests/fixtures/secret_shapes.json";
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: Case[] };
  expect(cases.length).toBeGreaterThan(100);
  const wrong = cases
    .map(({ key, value, shape }) => ({ key, shape, is: secretShape(key, value.join("")) ?? null }))
    .filter(({ shape, is }) => is !== shape);
  expect(wrong).toEqual([]);
});

it("says why in words", () => {
  expect(looksSecret("DATABASE_URL", "postgres://u:hunter2@db/x")).toBe(
    "its address holds a password",
  );
  expect(looksSecret("LOG_LEVEL", "debug")).toBeUndefined();
});
