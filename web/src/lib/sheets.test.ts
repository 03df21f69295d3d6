// Style sheets that did not arrive.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { askAgainForSheets, forgetFailedSheets } from "./sheets";

/** A link as a browser shows it: there, on its way, or come to nothing. */
function link(name: string, state: "there" | "coming" | "failed") {
  const one = document.createElement("link");
  one.rel = "stylesheet";
  one.setAttribute("href", `/assets/${name}.css`);
  const sheet = {
    get cssRules() {
      if (state === "failed") throw new DOMException("Cannot access rules", "SecurityError");
      return [];
    },
  };
  Object.defineProperty(one, "sheet", { value: state === "coming" ? null : sheet });
  document.head.append(one);
  return one;
}
const names = () =>
  [...document.querySelectorAll("link")].map((one) => one.getAttribute("href")?.slice(8, -4));

beforeEach(() => {
  vi.useFakeTimers();
  document.head.innerHTML = "";
});
afterEach(() => {
  vi.useRealTimers();
  document.head.innerHTML = "";
});

describe("a style sheet that came to nothing", () => {
  it("is forgotten, and no other", () => {
    link("a", "there");
    link("b", "failed");
    link("c", "coming");
    forgetFailedSheets();
    expect(names()).toEqual(["a", "c"]);
  });
  it("of the first page is asked for again until it is there", () => {
    const first = link("a", "failed");
    link("b", "there");
    askAgainForSheets();
    const second = document.querySelector("link");
    expect(second).not.toBe(first);
    second?.dispatchEvent(new Event("error"));
    vi.advanceTimersByTime(250);
    const third = document.querySelector("link");
    expect(third).not.toBe(second);
    third?.dispatchEvent(new Event("load"));
    vi.advanceTimersByTime(60_000);
    expect(document.querySelector("link")).toBe(third);
    expect(names()).toEqual(["a", "b"]);
  });
});
