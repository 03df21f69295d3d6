// What the walk needs of a browser: pages that fail on errors, axe, pictures.
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Debian's. */
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export async function browser() {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** A link of the server as an address of the page that is walked on: a development server may stand in front. */
export function at(url, link) {
  const { pathname, search, hash } = new URL(link.trim());
  return `${url}${pathname}${search}${hash}`;
}

/** Fails the walk with words. */
export function check(holds, words) {
  if (!holds) throw new Error(words);
}

/** How often an address is opened again. */
const AGAIN = 10;

/**
 * Chromium gives up what it loads when the machine's networks change, and each deployment of the walk, or of a test
 * beside it, makes or removes one. A person would press reload; so does the walk.
 */
export function onwards(page) {
  const open = page.goto.bind(page);
  page.goto = async (address, options) => {
    for (let left = AGAIN; ; left -= 1) {
      try {
        return await open(address, options);
      } catch (error) {
        if (left === 0 || !String(error).includes("ERR_NETWORK_CHANGED")) throw error;
      }
    }
  };
  return page;
}

/**
 * A page that remembers what went wrong in it. Refused requests are the walk's own business; errors of scripts and
 * breaches of the page's policy never are.
 */
export async function watched(context, faults) {
  const page = onwards(await context.newPage());
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !text.startsWith("Failed to load resource"))
      faults.push(`console: ${text}`);
  });
  return page;
}

/**
 * Every sheet of the page can be read. One whose request was cut off cannot: the page asks for it again, and axe, which
 * came before it, would fetch it too and lay its text into a `<style>`, which the policy refuses.
 */
const SHEETS = `new Promise((done, failed) => {
  const until = Date.now() + 30_000;
  const look = () => {
    const waiting = [...document.styleSheets].filter((one) => {
      try { return !one.cssRules; } catch { return true; }
    });
    if (waiting.length === 0) return done(true);
    if (Date.now() > until) return failed(new Error("cannot be read: " + waiting.map((one) => one.href)));
    setTimeout(look, 20);
  };
  look();
})`;

/** Looks at the page with axe, all of its rules or `only` some. The policy forbids scripts of ours in the page, so it runs outside of its world. */
export async function axe(page, where, only) {
  const options = { resultTypes: ["violations"], ...(only && { runOnly: only }) };
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", {
    frameId: frameTree.frame.id,
    worldName: "axe",
  });
  const run = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
      expression,
      contextId: executionContextId,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails)
      throw new Error(`axe: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  };
  await run(SHEETS);
  // A sheet that comes while axe looks is not fetched either: the world of axe has no requests, the page's has.
  await run(`window.XMLHttpRequest = undefined;${AXE};0`);
  const found = await run(
    `axe.run(document,${JSON.stringify(options)}).then(r=>r.violations.map(v=>({id:v.id,nodes:v.nodes.map(n=>n.target.join(' ')+' '+(n.failureSummary||'').replace(/\\s+/g,' '))})))`,
  );
  await session.detach();
  return found.map((one) => `${where}: ${one.id}\n    ${one.nodes.slice(0, 4).join("\n    ")}`);
}

/** Pictures at both widths and in both looks: FOLDER/name-1280-light.png and so on. */
export async function pictures(page, folder, name, looks = ["1280-light", "360-dark"]) {
  await mkdir(folder, { recursive: true });
  for (const look of looks) {
    const [width, scheme] = look.split("-");
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width: Number(width), height: width === "360" ? 720 : 800 });
    await page.waitForTimeout(350);
    await page.screenshot({ path: `${folder}/${name}-${look}.png` });
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 1280, height: 800 });
}
