// Requests whose answer does not come, and the session in between.
import { appCreate, appUpdate, configGet } from "@segue/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { gateway, lost, problem, Server } from "../test/server";
import "./http";
import { fault } from "./problem";
import { adopt, current, forget, refresh } from "./session";

const path = { team: "acme" };
const make = (name: string) => appCreate({ path, body: { name }, throwOnError: true });

const change = () =>
  appUpdate({
    path: { ...path, app: "shop" },
    headers: { "If-Match": '"3"' },
    body: {},
    throwOnError: true,
  });

let server: Server;
beforeEach(async () => {
  server = new Server();
  vi.stubGlobal("fetch", server.fetch);
  await refresh();
});
afterEach(() => {
  vi.useRealTimers();
  forget();
});

const keys = () => server.calls.map((one) => one.key);

describe("a POST", () => {
  it("has the same key until it is answered, and another one after that", async () => {
    server.mishaps = [lost, gateway];
    await expect(make("shop")).rejects.toMatchObject({ code: "connection" });
    await expect(make("shop")).rejects.toMatchObject({ code: "unavailable", status: 503 });
    await make("shop");
    await make("shop");
    const [first, second, third, fourth] = keys();
    expect([second, third]).toEqual([first, first]);
    expect(fourth).not.toBe(first);
  });
  it("has a key of its own when it says something else", async () => {
    server.mishaps = [lost];
    await expect(make("shop")).rejects.toBeDefined();
    await make("store");
    expect(new Set(keys()).size).toBe(2);
  });
  it("is a new wish after ten minutes", async () => {
    server.mishaps = [lost];
    await expect(make("shop")).rejects.toBeDefined();
    const later = Date.now() + 11 * 60_000;
    vi.spyOn(Date, "now").mockReturnValue(later);
    await refresh();
    await make("shop");
    vi.restoreAllMocks();
    expect(new Set(keys()).size).toBe(2);
  });
});

describe("an answer without words", () => {
  it("is taken as it is, though browsers give it a body", async () => {
    vi.stubGlobal("fetch", async () =>
      Object.defineProperty(new Response(null, { status: 204 }), "body", {
        value: new ReadableStream(),
      }),
    );
    const { response } = await make("shop");
    expect(response.status).toBe(204);
  });
});

describe("an answer that does not come", () => {
  it("is given up, and is told as such", async () => {
    vi.useFakeTimers();
    let stopped = false;
    vi.stubGlobal("fetch", (_: Request, init?: RequestInit) => {
      return new Promise((_resolve, reject) => {
        init?.signal?.addEventListener("abort", () => {
          stopped = true;
          reject(init.signal?.reason);
        });
      });
    });
    const end = make("shop").catch(fault);
    await vi.advanceTimersByTimeAsync(31_000);
    const seen = await end;
    expect(stopped).toBe(true);
    expect(seen).toMatchObject({ code: "timeout", status: 0 });
    expect((seen as ReturnType<typeof fault>).hint).toContain("nothing is done twice");
  });
  it("may end in the middle of its words", async () => {
    vi.useFakeTimers();
    vi.stubGlobal("fetch", async () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode('{"version": 1, ')),
      });
      return new Response(body, { headers: { "Content-Type": "application/json" } });
    });
    const place = { team: "acme", app: "shop", env: "production" };
    const end = configGet({ path: place, throwOnError: true }).catch(fault);
    await vi.advanceTimersByTimeAsync(41_000);
    expect(await end).toMatchObject({ code: "connection" });
  });
});

describe("a session that ends", () => {
  const person = (id: string) => ({
    access_token: `of ${id}`,
    expires_in: 900,
    user: { id, email: `${id}@example.com`, name: id, platform_admin: false },
    teams: [],
  });
  it("keeps what was asked until its person is there again", async () => {
    server.over = true;
    const asked = change();
    await vi.waitFor(() => expect(current()).toMatchObject({ status: "signed-in", ended: true }));
    server.over = false;
    adopt(person("usr_1"));
    await asked;
    expect(current()).not.toHaveProperty("ended");
    expect(server.of("app_update").length).toBe(2);
  });
  it("gives nothing of it to another person", async () => {
    server.over = true;
    const asked = change();
    const end = asked.catch(fault);
    await vi.waitFor(() => expect(current()).toHaveProperty("ended", true));
    server.over = false;
    adopt(person("usr_2"));
    expect(await end).toMatchObject({ status: 401 });
    expect(server.of("app_update").length).toBe(1);
  });
  it("gives up what was asked when the person leaves", async () => {
    server.over = true;
    const asked = change();
    const end = asked.catch(fault);
    await vi.waitFor(() => expect(current()).toHaveProperty("ended", true));
    forget();
    expect(await end).toMatchObject({ status: 401 });
    expect(current()).toEqual({ status: "anonymous" });
  });
  it("is not ended by a server in trouble", async () => {
    server.mishaps = [problem(500, "internal")];
    await expect(make("shop")).rejects.toMatchObject({ status: 500 });
    expect(current()).toMatchObject({ status: "signed-in" });
    expect(current()).not.toHaveProperty("ended");
  });
});
