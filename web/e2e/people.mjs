// People: a command line that signs in by the browser, a password that was forgotten, addresses that are not theirs.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { at, check, watched } from "./lib.mjs";

const put = (page, label, text) => page.getByLabel(label, { exact: true }).fill(text);

/** A command line with a home of its own. */
function segue(program, home, args) {
  const child = spawn(program, args, {
    env: {
      PATH: process.env.PATH,
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      NO_COLOR: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const hearers = new Set();
  const add = (data) => {
    text += data;
    for (const hear of hearers) hear();
  };
  child.stdout.on("data", add);
  child.stderr.on("data", add);
  const ended = new Promise((resolve) => child.on("close", resolve));
  return {
    text: () => text,
    ended,
    stop: () => child.kill(),
    /** Waits for a text. */
    sees: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`it only said: ${text}`)), 20_000);
        const look = () => {
          const found = pattern.exec(text);
          if (!found) return;
          clearTimeout(timer);
          hearers.delete(look);
          resolve(found);
        };
        hearers.add(look);
        look();
      }),
  };
}

/** `segue login`, approved in the browser. */
export async function device({ page, url, look, button, program, folder }) {
  const home = join(folder, "home");
  const login = segue(program, home, ["login", "--server", url]);
  try {
    const [code] = await login.sees(/\b[A-Z0-9]{4}-[A-Z0-9]{4}\b/);
    await page.goto(`${url}/device?team=acme`);
    await put(page, "Code", "ZZZZ-ZZZZ");
    await button("Go on").click();
    await page.locator('[aria-invalid="true"]').waitFor();
    await look("a device code that is none");
    await put(page, "Code", code.toLowerCase().replace("-", " "));
    await button("Go on").click();
    await page.getByText("Is this you?").waitFor();
    await look("a device that asks");
    await button("Sign it in").click();
    await page.getByText("goes on by itself").waitFor();
    const end = await login.ended;
    check(end === 0, `segue login ended with ${end}: ${login.text()}`);
    const who = segue(program, home, ["whoami"]);
    await who.ended;
    check(/ada@example\.com/.test(who.text()), `segue whoami said: ${who.text()}`);
  } finally {
    login.stop();
  }
}

/** An admin makes a link for somebody who forgot the password. */
export async function forgotten({ page, url, look, button, engine, faults, owner, person }) {
  await page.goto(`${url}/team?team=acme`);
  await button(`New password for ${person.email}`).click();
  await button("Make the link").click();
  // The session may have been confirmed a moment ago; if not, the dialog asks.
  const password = page.getByLabel("Your password, once more", { exact: true });
  const link = page.getByRole("group", { name: "The link for a new password" });
  await password.or(link).first().waitFor();
  if (await password.isVisible()) {
    await password.fill(owner.password);
    await button("Make the link").click();
  }
  const address = at(url, await link.textContent());
  await look("a link for a new password");
  const context = await engine.newContext({ reducedMotion: "reduce" });
  const guest = await watched(context, faults);
  await guest.goto(address);
  await guest.getByRole("heading", { name: "Set a new password" }).waitFor();
  check(!guest.url().includes("#"), "the token stays in the address");
  await look("/reset", guest);
  await put(guest, "New password", "an entirely new one");
  await put(guest, "Once more", "an entirely new one");
  await button("Set the password", guest).click();
  await guest.getByRole("heading", { name: "The password is set" }).waitFor();
  // From elsewhere: another end of the same address would not load the page anew.
  await guest.goto("about:blank");
  await guest.goto(address);
  await put(guest, "New password", "an entirely new one");
  await put(guest, "Once more", "an entirely new one");
  await button("Set the password", guest).click();
  await guest.getByText("this link is not good").waitFor();
  await guest.goto(`${url}/reset`);
  await guest.getByRole("heading", { name: "The link is not complete" }).waitFor();
  await guest.goto(`${url}/login`);
  await put(guest, "E-mail", person.email);
  await put(guest, "Password", "an entirely new one");
  await button("Sign in", guest).click();
  await guest.getByText("1 app").waitFor();
  await context.close();
}

/** Addresses typed by hand: what is missing and what belongs to others look alike. */
export async function nowhere({ page, url, look }) {
  let first;
  for (const path of [
    "/apps/missing?team=acme",
    "/apps/hello/missing?team=acme",
    "/apps/hello/-/sources?team=strangers",
    "/apps/hello/production/deployments/999?team=acme",
    "/apps/hello/production/deployments/x?team=acme",
    "/apps/hello/production/runs/999?team=acme",
  ]) {
    await page.goto(`${url}${path}`);
    await page.getByRole("heading", { name: "Nothing is here" }).waitFor();
    const text = await page.getByText("The address leads nowhere").textContent();
    first ??= text;
    check(text === first, `${path} says: ${text}`);
  }
  await look("nothing is here");
}
