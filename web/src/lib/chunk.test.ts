// Parts of the page that cannot be loaded at once.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { chunk } from "./chunk";

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
  const own = document.createElement("script");
  own.type = "module";
  own.setAttribute("src", "/assets/index-old.js");
  // Not asked for here: only its address matters.
  document.head.innerHTML = "";
  document.head.append(own);
});
afterEach(() => {
  vi.useRealTimers();
  document.head.innerHTML = "";
});

const page = (script: string) =>
  vi.stubGlobal("fetch", async () => new Response(`<script src="${script}"></script>`));

describe("a part of the page", () => {
  it("comes when the connection is back, and nothing is loaded anew", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
    let tries = 0;
    const reload = vi.fn();
    const load = async () => {
      tries += 1;
      if (tries < 4) throw new TypeError("Failed to fetch dynamically imported module");
      return "here";
    };
    const got = chunk(load, reload);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await got).toBe("here");
    expect(reload).not.toHaveBeenCalled();
  });
  it("of another version loads the page anew, once", async () => {
    page("/assets/index-new.js");
    const reload = vi.fn();
    const gone = () => Promise.reject(new TypeError("gone"));
    const end = chunk(gone, reload).catch((error: Error) => error.message);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await end).toBe("gone");
    expect(reload).toHaveBeenCalledTimes(1);
  });
  it("is given up after ten minutes", async () => {
    page("/assets/index-old.js");
    const end = chunk(() => Promise.reject(new TypeError("broken"))).catch(
      (error: Error) => error.message,
    );
    await vi.advanceTimersByTimeAsync(11 * 60_000);
    expect(await end).toBe("broken");
  });
});
