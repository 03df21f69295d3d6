// Forms that are not sent by themselves: dialogs before a deed, variables before they are saved, filters. And what two
// people see who save at once.
import { act, fireEvent, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { hearers, tell } from "./test/events";
import { alertOf, button, close, faultAt, field, fill, open, press, until } from "./test/page";
import { app, gateway, lost, problem, Server } from "./test/server";

afterEach(close);
vi.setConfig({ testTimeout: 120_000 });

describe("a dialog before what cannot be taken back", () => {
  it("wants the name, then the password, and does it once", async () => {
    const server = new Server();
    await open(server, "/apps/shop/-/settings");
    await press(await button("Delete app"));
    const deed = () => button("Delete it for good");
    expect((await deed()).getAttribute("aria-disabled")).toBe("true");
    const form = await until(() => {
      const found = document.querySelector('[role="dialog"] form');
      if (!found) throw new Error("no dialog");
      return found as HTMLFormElement;
    });
    fill(form, { "Type shop to go on": "Shop" });
    await press(await deed());
    await act(async () => {
      fireEvent.submit(form);
    });
    expect(server.calls).toEqual([]);
    fill(form, { "Type shop to go on": "shop" });

    // Away, lost: the dialog says so, stays, and has the focus where it says so.
    for (const [mishap, words] of [
      [gateway, "It answered 503"],
      [lost, "did not reach the server"],
    ] as const) {
      server.mishaps = [mishap];
      await press(await deed());
      await until(() => {
        expect(alertOf(form)).toContain(words);
        expect(document.activeElement).toBe(form.querySelector('[role="alert"]'));
      });
      expect((field(form, "Type shop to go on") as HTMLInputElement).value).toBe("shop");
    }

    server.mishaps = [problem(403, "confirmation_required")];
    await press(await deed());
    const password = await until(() => field(form, "Your password, once more"));
    await press(await deed());
    await until(() => expect(faultAt(password)).toContain("Give your password."));
    fill(form, { "Your password, once more": "wrong wrong wrong" });
    server.mishaps = [
      problem(403, "forbidden", {
        errors: [{ pointer: "/password", detail: "the password is wrong" }],
      }),
    ];
    await press(await deed());
    await until(() => {
      expect(faultAt(password)).toContain("the password is wrong");
      expect(document.activeElement).toBe(password);
    });
    fill(form, { "Your password, once more": "correct horse battery" });
    const before = server.of("app_delete").length;
    await act(async () => {
      const now = await deed();
      fireEvent.click(now);
      fireEvent.click(now);
      fireEvent.submit(form);
    });
    await until(() => expect(server.of("app_delete").length).toBe(before + 1));
  });
});

describe("variables before they are saved", () => {
  const add = async () => (await button("Add")).closest("form") as HTMLFormElement;
  it("are checked one by one, key and value apart", async () => {
    const server = new Server();
    await open(server, "/apps/shop/production/config");
    const form = await add();
    const tries: [Record<string, string>, string, string][] = [
      [{ "New key": "", Value: "" }, "New key", "Give it a name."],
      [{ "New key": "1 BAD" }, "New key", "Letters, digits and _"],
      [{ "New key": "X".repeat(129) }, "New key", "At most 128 characters."],
      [{ "New key": "LOG_LEVEL" }, "New key", "It is there already"],
      [{ "New key": "COLOUR", Value: "x".repeat(32_769) }, "Value", "At most 32 768"],
      [{ "New key": "COLOUR", Value: "a\u0000" }, "Value", "No byte 0"],
    ];
    for (const [values, label, words] of tries) {
      fill(form, values);
      await press(await button("Add"));
      await until(() => {
        expect(faultAt(field(form, label))).toContain(words);
        expect(document.activeElement).toBe(field(form, label));
      });
    }
    fill(form, { "New key": "COLOUR", Value: "blue" });
    await press(await button("Add"));
    await until(() => expect(document.body.textContent).toContain("1 change, not saved"));
    expect(server.calls).toEqual([]);
  });

  it("stay when the server is away, and are saved by the next press", async () => {
    const server = new Server();
    await open(server, "/apps/shop/production/config");
    const form = await add();
    fill(form, { "New key": "COLOUR", Value: "blue" });
    await press(await button("Add"));
    server.mishaps = [lost];
    await press(await button("Save only"));
    await until(() => expect(document.body.textContent).toContain("did not reach the server"));
    expect(document.body.textContent).toContain("1 change, not saved");
    await press(await button("Save only"));
    await until(() => expect(server.of("config_update").length).toBe(2));
  });

  it("are edited in their place, with the same bounds", async () => {
    await open(new Server(), "/apps/shop/production/config");
    await press(await button("Edit"));
    const take = await button("Take over");
    const form = take.closest("form") as HTMLFormElement;
    const value = form.querySelector("input") as HTMLInputElement;
    fireEvent.change(value, { target: { value: "a\u0000" } });
    await press(take);
    await until(() => expect(form.textContent).toContain("No byte 0"));
    expect(document.body.textContent).not.toContain("not saved");
  });

  it("are not for viewers, whatever is pressed", async () => {
    const server = new Server("viewer");
    await open(server, "/apps/shop/production/config");
    const form = await add();
    fill(form, { "New key": "COLOUR", Value: "blue" });
    await act(async () => {
      fireEvent.submit(form);
    });
    expect(document.body.textContent).not.toContain("not saved");
    expect((await button("Edit")).getAttribute("aria-disabled")).toBe("true");
  });
});

describe("a pasted .env", () => {
  it("says why nothing can be taken over", async () => {
    await open(new Server(), "/apps/shop/production/config");
    await press(await button("Paste .env"));
    const why = async () => {
      const take = await button("Take over 0 changes");
      return document.getElementById(take.getAttribute("aria-describedby") ?? "")?.textContent;
    };
    expect(await why()).toBe("Paste something first.");
    const text = document.querySelector('[role="dialog"] textarea') as HTMLTextAreaElement;
    fireEvent.change(text, { target: { value: "LOG_LEVEL=info" } });
    expect(await why()).toBe("Nothing in it differs from what is set.");
    fireEvent.change(text, { target: { value: `A=${"x".repeat(300_000)}` } });
    await until(() => expect(faultAt(text)).toContain("At most 300 000 characters."));
  });
});

describe("a delivery that was given up", () => {
  const at = "2026-11-21T12:00:00Z";
  const begin = async (role?: string) => {
    const server = new Server(role);
    server.known.webhook_list = {
      items: [
        {
          id: "whk_1",
          name: "board",
          kind: "standard",
          to: "example.com",
          events: ["deployment.changed"],
          enabled: true,
          generation: 1,
          created_by: "Ada",
          created_at: at,
        },
      ],
    };
    server.known.webhook_delivery_list = {
      items: [
        {
          id: "dlv_1",
          kind: "deployment.changed",
          state: "failed",
          attempts: 10,
          detail: "no answer",
          payload: {},
          created_at: at,
        },
      ],
    };
    await open(server, "/team/notifications");
    await press(await button("Deliveries"));
    return server;
  };
  it("is sent again, once for each press", async () => {
    const server = await begin();
    server.mishaps = [lost];
    await press(await button("Send again"));
    await until(() => expect(document.body.textContent).toContain("It was not sent again"));
    await press(await button("Send again"));
    await until(() => expect(server.of("webhook_delivery_retry").length).toBe(2));
    const [first, second] = server.of("webhook_delivery_retry");
    expect(first?.key).toBe(second?.key);
  });
  it("is not for viewers, and says why", async () => {
    await begin("viewer");
    expect((await button("Send again")).getAttribute("aria-disabled")).toBe("true");
  });
});

describe("the filter of a log", () => {
  it("says what is too long, and does not read anew for it", async () => {
    await open(new Server(), "/apps/shop/production/logs");
    const form = (await button("Filter")).closest("form") as HTMLFormElement;
    fill(form, { "Lines that hold": "x".repeat(201) });
    await until(() =>
      expect(faultAt(field(form, "Lines that hold"))).toContain("At most 200 characters."),
    );
    expect((await button("Filter")).getAttribute("aria-disabled")).toBe("true");
  });
});

describe("two people who save at once", () => {
  const other = {
    ...app,
    generation: 4,
    repo: { url: "https://git.example.com/theirs.git", branch: "theirs", auto_deploy: true },
  };
  const begin = async () => {
    const server = new Server();
    await open(server, "/apps/shop/-/sources");
    const form = await until(() => {
      const found = [...document.querySelectorAll("form")].find((one) =>
        one.textContent?.includes("Deploy by itself"),
      );
      if (!found) throw new Error("no form");
      return found;
    });
    return { server, form };
  };

  it("the second is refused, sees what the first saved, and chooses", async () => {
    const { server, form } = await begin();
    fill(form, { Address: "https://git.example.com/mine.git" });
    server.known.app_get = other;
    server.mishaps = [problem(412, "precondition_failed")];
    await press(await button("Change it"));
    await until(() => {
      expect(form.textContent).toContain("Somebody else saved meanwhile");
      expect(form.textContent).toContain("https://git.example.com/theirs.git");
    });
    // What only the first changed is taken over; what both changed waits for a choice.
    expect((field(form, "Branch") as HTMLInputElement).value).toBe("theirs");
    const sent = server.calls.length;
    await press(await button("Change it"));
    expect(server.calls.length).toBe(sent);
    await press(await button("Keep mine"));
    await press(await button("Change it"));
    await until(() => expect(server.calls.length).toBe(sent + 1));
    expect(JSON.parse(server.calls.at(-1)?.body ?? "{}")).toEqual({
      repo: { url: "https://git.example.com/mine.git", branch: "theirs", auto_deploy: true },
    });
  });

  it("what the first saved comes in by itself where nobody typed", async () => {
    const { server, form } = await begin();
    server.known.app_get = other;
    await waitFor(() => expect(hearers()).toBeGreaterThan(0));
    await act(async () => tell({ kind: "app.updated", app: "app_1" }));
    await until(() => {
      expect((field(form, "Address") as HTMLInputElement).value).toBe(other.repo.url);
      expect((field(form, "Branch") as HTMLInputElement).value).toBe("theirs");
    });
    expect(form.textContent).not.toContain("meanwhile");
  });
});
