// Every form with its worst case: nothing, too much, the wrong kind; what the server refuses; a server that does not
// answer; two presses; a session that ends in the middle; somebody who may not.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { act, fireEvent } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Fills, FormCase } from "./test/case";
import { CASES, ELSEWHERE } from "./test/cases";
import { alertOf, button, close, faultAt, field, fill, open, press, until } from "./test/page";
import { gateway, lost, problem, Server, tooLate } from "./test/server";

afterEach(close);
// Screens are loaded when they are first opened, on machines that do other things beside.
vi.setConfig({ testTimeout: 120_000 });

/** Source files, and how many forms each has. */
function formsOf(folder: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name).replace(/^src\//, "");
    if (!/\.tsx$/.test(file) || /\.test\.tsx$/.test(file) || file === "components/Form.tsx")
      continue;
    const count = readFileSync(join(folder, file), "utf8").match(/<(form|Form)[\s>]/g)?.length ?? 0;
    if (count > 0) found.set(file, count);
  }
  return found;
}

describe("the list of forms", () => {
  it("has every form that there is", () => {
    for (const [file, count] of formsOf("src")) {
      const told =
        CASES.filter((one) => one.file === file).length + (file in ELSEWHERE ? count : 0);
      expect(told, `worst cases of the ${count} forms in ${file}`).toBeGreaterThanOrEqual(count);
    }
  });
  it("has none that is gone", () => {
    const there = formsOf("src");
    for (const file of [...CASES.map((one) => one.file), ...Object.keys(ELSEWHERE)])
      expect(there.has(file), file).toBe(true);
  });
  it("cuts nothing off that is pasted", () => {
    for (const entry of readdirSync("src", { recursive: true, withFileTypes: true })) {
      if (!/(?<!\.test)\.tsx$/.test(entry.name)) continue;
      const text = readFileSync(join(entry.parentPath, entry.name), "utf8");
      expect(text.includes("maxLength"), entry.name).toBe(false);
    }
  });
});

/** The form, and the button that sends it. */
async function at(one: FormCase) {
  const send = () => button(one.button, one.index);
  const form = async () => {
    const found = (await send()).closest("form");
    if (!found) throw new Error("the button is in no form");
    return found;
  };
  return { send, form };
}

/** Whether what was typed is still there. */
function kept(form: Element, good: Fills) {
  for (const [label, value] of Object.entries(good)) {
    if (value instanceof File) continue;
    const here = field(form, label) as HTMLInputElement;
    expect(typeof value === "boolean" ? here.checked : here.value, label).toBe(value);
  }
}

async function begin(one: FormCase, role = "owner") {
  const server = new Server(role);
  server.anonymous = one.outside === true;
  one.server?.(server);
  await open(server, one.address);
  await one.before?.(server);
  return server;
}

const title = (one: FormCase) => `${one.file.replace("screens/", "")}, ${one.button}`;

describe.each(CASES)("$file, $button", (one) => {
  it("says what is wrong before anything is sent", async () => {
    const server = await begin(one);
    const { send, form } = await at(one);
    const before = server.calls.length;
    for (const { fill: values, says } of one.bad) {
      fill(await form(), values);
      await press(await send());
      const here = await form();
      for (const [label, words] of Object.entries(says))
        await until(() => {
          const told = faultAt(field(here, label));
          expect(told, label).not.toBe("");
          expect(told, label).toContain(words);
        });
      // The first fault of the form, in the order in which people read it, has the focus.
      await until(() =>
        expect(document.activeElement).toBe(here.querySelector('[aria-invalid="true"]')),
      );
    }
    expect(server.calls.length, "nothing is sent").toBe(before);
  });

  if (one.sends === "") return;
  const posts = one.sends.endsWith("_create") || /_(use|accept|set|request)$/.test(one.sends);

  it("keeps everything when the server refuses, is away or is pressed twice", async () => {
    const server = await begin(one);
    const { send, form } = await at(one);
    fill(await form(), one.good);

    if (one.refused) {
      const { pointer, label, code = "invalid", status = 422 } = one.refused;
      const errors = pointer ? [{ pointer, detail: "the server's own sentence" }] : undefined;
      server.mishaps = [problem(status, code, { errors })];
      await press(await send());
      const here = await form();
      await until(() => {
        expect(faultAt(field(here, label))).toContain("the server's own sentence");
        expect(document.activeElement).toBe(field(here, label));
      });
      kept(here, one.good);
      // What the server refused is changed before it is sent again.
      const good = one.good[label];
      if (typeof good === "string" && field(here, label) instanceof HTMLInputElement) {
        fill(here, { [label]: `${good}x` });
        fill(here, { [label]: good });
      }
    }

    const first = server.calls.length;
    for (const [mishap, words] of [
      [gateway, "It answered 503"],
      [lost, "did not reach the server"],
      [tooLate, "It took too long"],
    ] as const) {
      server.mishaps = [mishap];
      await press(await send());
      const here = await form();
      await until(() => {
        expect(alertOf(here)).toContain(words);
        expect(document.activeElement).toBe(here.querySelector('[role="alert"]'));
      });
      expect((await send()).disabled, "the button is back").toBe(false);
      kept(here, one.good);
    }

    // Two presses, and Enter on top: one request.
    let answer: (response: Response) => void = () => undefined;
    server.mishaps = [() => new Promise((resolve) => (answer = resolve))];
    const sent = server.calls.length;
    const here = await form();
    await act(async () => {
      const now = await send();
      fireEvent.click(now);
      fireEvent.click(now);
      fireEvent.submit(here);
    });
    await until(() => expect(server.calls.length).toBe(sent + 1));
    expect((await send()).disabled, "the button is busy").toBe(true);
    await act(async () => answer(await gateway()));
    await until(() => expect(alertOf(here)).toContain("It answered 503"));
    expect(server.calls.length, "one request").toBe(sent + 1);

    // Four tries of one wish whose answers were lost: the server is told that it is one.
    const tries = server.calls.slice(first).filter((call) => call.id === one.sends);
    if (posts && tries[0]?.method === "POST") {
      expect(tries.length).toBe(4);
      expect(tries[0].key).not.toBeNull();
      expect(new Set(tries.map((call) => call.key)).size, "one key").toBe(1);
    }
  });

  if (!one.outside)
    it("goes on after a session that ended in the middle", async () => {
      const server = await begin(one);
      const { send, form } = await at(one);
      fill(await form(), one.good);
      server.over = true;
      await press(await send());
      const again = await button("Sign in");
      kept(await form(), one.good);
      const dialog = again.closest("form") as HTMLFormElement;
      await press(again);
      await until(() =>
        expect(faultAt(field(dialog, "Password"))).toContain("Give your password."),
      );
      fill(dialog, { Password: "correct horse battery" });
      const before = server.of(one.sends).length;
      await press(again);
      // What was pressed goes on by itself.
      await until(() => expect(server.of(one.sends).length).toBe(before + 1));
      expect(document.body.textContent).not.toContain("Your session has ended");
    });

  if (one.viewer)
    it("is not for viewers, and says why", async () => {
      const server = await begin(one, "viewer");
      const { send, form } = await at(one);
      const no = await send();
      expect(no.getAttribute("aria-disabled")).toBe("true");
      const why = document.getElementById(no.getAttribute("aria-describedby") ?? "")?.textContent;
      expect(why).toContain(one.viewer);
      const here = await form();
      await act(async () => {
        fireEvent.submit(here);
      });
      await until(() => expect(alertOf(here)).toContain(one.viewer));
      expect(server.calls, title(one)).toEqual([]);
    });
});
