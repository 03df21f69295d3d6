// Work that is done again until the server is reached.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { insist } from "./insist";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("is done again at longer distances, and at once when the browser is back", async () => {
  const at: number[] = [];
  const begun = Date.now();
  const got = insist(
    async () => {
      at.push(Date.now() - begun);
      if (at.length < 6) throw new TypeError("offline");
      return "here";
    },
    () => true,
  );
  await vi.advanceTimersByTimeAsync(250 + 500 + 1000 + 2000);
  expect(at).toEqual([0, 250, 750, 1750, 3750]);
  dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(0);
  expect(at.length).toBe(6);
  expect(await got).toBe("here");
});

it("is given up when it is not worth another try, and after ten minutes", async () => {
  await expect(
    insist(
      () => Promise.reject(new Error("a bug")),
      () => false,
    ),
  ).rejects.toThrow("a bug");
  const end = insist(
    () => Promise.reject(new TypeError("offline")),
    () => true,
  ).catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(11 * 60_000);
  expect(await end).toBe("offline");
});
