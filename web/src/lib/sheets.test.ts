// Style sheets that did not arrive.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bringBackSheets } from "./sheets";

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
const links = () => [...document.querySelectorAll("link")];

beforeEach(() => {
  document.head.innerHTML = "";
});
afterEach(() => {
  document.head.innerHTML = "";
});

describe("a style sheet that came to nothing", () => {
  it("is asked for again in its place, and no other", async () => {
    const [a, b, c] = [link("a", "there"), link("b", "failed"), link("c", "coming")];
    const done = bringBackSheets();
    const now = links();
    expect(now.map((one) => one.getAttribute("href"))).toEqual([
      "/assets/a.css",
      "/assets/b.css",
      "/assets/c.css",
    ]);
    expect(now[0]).toBe(a);
    expect(now[1]).not.toBe(b);
    expect(now[2]).toBe(c);
    // Whoever comes meanwhile waits for the same request.
    const second = bringBackSheets();
    expect(links()[1]).toBe(now[1]);
    now[1]?.dispatchEvent(new Event("load"));
    await Promise.all([done, second]);
  });
  it("that does not come again is said so", async () => {
    link("a", "failed");
    const done = bringBackSheets();
    links()[0]?.dispatchEvent(new Event("error"));
    await expect(done).rejects.toThrow("a.css did not come");
  });
  it("is nothing to wait for where all came", async () => {
    link("a", "there");
    link("b", "coming");
    await bringBackSheets();
  });
});
