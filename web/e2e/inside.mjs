// Within an environment: a secret kept by mistake in plain configuration, two people who save, a secret revealed,
// one-off runs, protection, another environment made after this one.
import { check, watched } from "./lib.mjs";

const put = (page, label, text) => page.getByLabel(label, { exact: true }).fill(text);
const LONG = { timeout: 60_000 };

/** What looks like a key; in parts, so that no scanner takes it for one. */
const KEY = ["sk_live_", "0123456789abcdef01234567"].join("");

async function madeSecret({ page, url, look, button, owner }) {
  await page.goto(`${url}/apps/hello/production/config?team=acme`);
  await put(page, "New key", "PAYMENTS");
  await put(page, "Value", KEY);
  await button("Add").click();
  await page.getByText("looks like a secret: its value begins like a key").waitFor();
  await look("a secret in plain configuration");
  await button("Make it a secret").click();
  await page.getByText("PAYMENTS is kept as a secret.").waitFor();
  check((await page.getByText(KEY).count()) === 0, "the secret still stands on the page");
  await page.goto(`${url}/apps/hello/production/secrets?team=acme`);
  await button("Reveal PAYMENTS").click();
  await button("Reveal it").click();
  await put(page, "Your password, once more", "not the password");
  await button("Reveal it").click();
  await page.getByText("is another one").waitFor();
  await look("the password, once more");
  await put(page, "Your password, once more", owner.password);
  await button("Reveal it").click();
  await page.getByRole("group", { name: "Value of PAYMENTS" }).getByText(KEY).waitFor();
  await button("Hide PAYMENTS").click();
  check((await page.getByText(KEY).count()) === 0, "the secret is not hidden");
}

/** Two people save the same key: the second sees what the first did, and chooses. */
async function twoSave({ page, url, look, button, engine, faults, owner }) {
  const others = await engine.newContext({ reducedMotion: "reduce" });
  const other = await watched(others, faults);
  // Without the stream this page does not hear of the first one's change, as somebody who is faster than it.
  await other.route(/\/v1\/events/, (route) => route.abort());
  await other.goto(`${url}/login?next=/apps/hello/production/config?team=acme`);
  await put(other, "E-mail", owner.email);
  await put(other, "Password", owner.password);
  await button("Sign in", other).click();
  await button("Edit LOG_LEVEL", other).click();
  await put(other, "Value of LOG_LEVEL", "warn");
  await button("Take over", other).click();
  await page.goto(`${url}/apps/hello/production/config?team=acme`);
  await button("Edit LOG_LEVEL").click();
  await put(page, "Value of LOG_LEVEL", "error");
  await button("Take over").click();
  await button("Save only").click();
  await page.getByText("It takes effect with the next deployment.").first().waitFor();
  await button("Save only", other).click();
  await other.getByText("Ada saved meanwhile").waitFor();
  check(
    (await button("Save only", other).getAttribute("aria-disabled")) === "true",
    "the second saves without a choice",
  );
  await look("two people saved", other);
  await button("Keep my LOG_LEVEL", other).click();
  await button("Save only", other).click();
  await other.getByText("It takes effect with the next deployment.").first().waitFor();
  // The first one hears of it without asking.
  await page.locator("td").getByText("warn", { exact: true }).waitFor(LONG);
  await others.close();
}

async function runs({ page, url, look, button }) {
  await page.goto(`${url}/apps/hello/production/runs?team=acme`);
  await put(page, "Command", `python3 -c "print('the answer is', 40 + 2)"`);
  await button("Start it").click();
  await page.getByRole("heading", { name: /^Run \d/ }).waitFor();
  await page.getByText("the answer is 42").waitFor(LONG);
  await page.locator("h1").getByText("done").waitFor(LONG);
  await look("a run");
  await page.goto(`${url}/apps/hello/production/runs?team=acme`);
  await put(page, "Command", "sleep 300");
  await button("Start it").click();
  await page.getByText("sleep 300").waitFor();
  await page.locator("h1").getByText("running").waitFor(LONG);
  await button("Stop it").click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop it" }).click();
  await page
    .locator("h1")
    .getByText("being stopped")
    .or(page.locator("h1").getByText("cancelled"))
    .waitFor();
}

async function environments({ page, url, look, button }) {
  await page.goto(`${url}/apps/hello/production/settings?team=acme`);
  await button("Protect it").click();
  await page.getByRole("dialog").getByRole("button", { name: "Protect it" }).click();
  const main = page.locator("#main");
  await button("Take the protection away", main).waitFor();
  const remove = button("Delete environment");
  check((await remove.getAttribute("aria-disabled")) === "true", "what is protected is deleted");
  await look("a protected environment");
  await button("Take the protection away").click();
  await button("Take it away").click();
  await button("Protect it", main).waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.goto(`${url}/apps/hello?team=acme`);
  await button("New environment").click();
  await look("a new environment");
  await put(page, "Name", "staging");
  await put(page, "Days that it lives", "2");
  await page.getByLabel("Made after").selectOption("production");
  await button("Make it").click();
  await page.getByText("Nothing has been deployed here yet.").first().waitFor();
  const tabs = page.getByRole("navigation", { name: "hello staging" });
  await tabs.getByRole("link", { name: "Secrets" }).click();
  await page.getByText("Missing:").waitFor();
  await tabs.getByRole("link", { name: "Settings" }).click();
  await page.getByText(/Removed in 4[78] h/).waitFor();
  await button("Delete environment").click();
  const gone = button("Delete it for good");
  check((await gone.getAttribute("aria-disabled")) === "true", "it is deleted untyped");
  await put(page, "Type staging to go on", "staging");
  await button("Delete it for good").click();
  await page.getByRole("heading", { name: "hello" }).waitFor();
  await page.getByText("1 environment").waitFor();
}

/** All of it. */
export async function inside(walk) {
  await madeSecret(walk);
  walk.told("a secret in plain configuration becomes one by a click, and is revealed by password");
  await twoSave(walk);
  walk.told("of two people who save, the second sees the difference and chooses");
  await runs(walk);
  walk.told("one run came to its end, one was stopped");
  await environments(walk);
  walk.told("protected and not, another environment made after this one and removed");
}
