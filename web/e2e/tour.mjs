// Every page that the walk has not stood on for long: axe in both looks and at 360 px, and nothing too wide.
import { check } from "./lib.mjs";

/** Addresses, and the names of the pictures that are made of some. */
const PAGES = [
  ["/apps", "apps"],
  ["/apps/hello", "app"],
  ["/apps/hello/-/sources", "sources"],
  ["/apps/hello/-/holds", "locks"],
  ["/apps/hello/-/settings"],
  ["/apps/hello/production", "overview"],
  ["/apps/hello/production/deployments", "deployments"],
  ["/apps/hello/production/secrets", "secrets"],
  ["/apps/hello/production/releases", "releases"],
  ["/apps/hello/production/runs", "runs"],
  ["/apps/hello/production/runs/1", "run"],
  ["/apps/hello/production/settings"],
  ["/activity", "activity"],
  ["/hosts", "hosts"],
  ["/team", "team"],
  ["/team/tokens"],
  ["/team/credentials"],
  ["/team/notifications", "notifications"],
  ["/team/settings"],
  ["/team/audit"],
  ["/teams/new"],
  ["/account", "account"],
  ["/device", "device"],
];

async function one({ page, look }, { url, shots }, [path, name]) {
  await page.goto(`${url}${path}?team=acme`);
  await page.getByLabel("The same on the command line").waitFor({ timeout: 60_000 });
  await page.getByText("Loading", { exact: true }).first().waitFor({ state: "detached" });
  await look(path);
  await page.emulateMedia({ colorScheme: "dark" });
  // The other look changes nothing but colours.
  await look(`${path}, dark`, page, ["color-contrast"]);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 360, height: 720 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  check(wide <= 0, `${path} is ${wide} px too wide for 360 px`);
  await look(`${path}, 360 px`);
  await page.setViewportSize({ width: 1280, height: 800 });
  if (name) await shots?.(name, undefined, page);
}

/** Looks at all of them, one in each tab at a time. */
export async function tour({ tabs, url, shots }) {
  const left = [...PAGES];
  const work = async (tab) => {
    for (let next = left.shift(); next; next = left.shift()) await one(tab, { url, shots }, next);
    await tab.page.close();
  };
  await Promise.all(tabs.map(work));
}

/** A page whose styles, and whose question who is signed in, are cut off at first has all of them a moment later. */
export async function cutOff({ page, url, look }) {
  const cut = new Set();
  await page.route(/\.css$/, (route) => {
    const address = route.request().url();
    if (cut.has(address)) return route.continue();
    cut.add(address);
    return route.abort("connectionreset");
  });
  let asked = 0;
  await page.route(/\/v1\/auth\/refresh$/, (route) => {
    asked += 1;
    return asked < 3 ? route.abort("connectionreset") : route.continue();
  });
  await page.goto(`${url}/hosts?team=acme`);
  await page.getByRole("heading", { name: "Hosts", level: 1 }).waitFor();
  check(asked >= 3, `who is signed in was asked ${asked} times`);
  // It waits until every sheet can be read.
  await look("hosts, after styles were cut off");
  check(cut.size >= 2, `only ${cut.size} style sheets were asked for`);
  const there = await page.evaluate(() => [...document.styleSheets].map((one) => one.href));
  for (const address of cut) check(there.includes(address), `${address} never came`);
  await page.close();
}
