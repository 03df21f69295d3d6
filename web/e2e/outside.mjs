// What leads outside and what holds deployments: repositories, hooks, previews, locks, freeze windows, credentials,
// notifications, quota. What each form refuses is in src/forms.test.tsx; here is what needs a browser and a server.
import { check } from "./lib.mjs";
import { mailServer } from "./mail.mjs";

/** Fills a field by its label. */
const put = (page, label, text) => page.getByLabel(label, { exact: true }).fill(text);

async function sources({ page, url, look, button }) {
  await page.goto(`${url}/apps/hello/-/sources?team=acme`);
  await put(page, "Address", "ftp://git.example.com/shop.git");
  await button("Set it").click();
  await page.getByText("An address like https://example.com/path.").waitFor();
  await look("sources with faults");
  await put(page, "Address", "https://git.example.com/shop.git");
  await put(page, "Branch", "main");
  await button("Set it").click();
  await button("Change it").waitFor();

  await page.getByLabel("Who will call").selectOption("gitea");
  await button("Make a hook").click();
  await page.getByText("The hook for Gitea is made.").waitFor();
  const secret = await page.getByRole("group", { name: "Secret", exact: true }).textContent();
  check(secret.trim().length >= 32, "the hook has no secret");
  await look("a new hook");
  await button("I have it").click();
  await page.getByRole("button", { name: "Calls of Gitea" }).click();
  await page.getByText("No call yet.").waitFor();
  await page.getByRole("button", { name: "Remove the hook of Gitea" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await page.getByText("No forge calls yet.").waitFor();

  await page.getByLabel("A pushed branch makes a preview").check();
  await put(page, "Days after the last push", "5");
  await put(page, "At most at a time", "4");
  await button("Save").click();
  await page.getByText("Pushes of other branches make previews.").waitFor();
  await page.reload();
  await page.getByText("None at present.").waitFor();
  const days = await page.getByLabel("Days after the last push").inputValue();
  check(days === "5", `the previews' setting was not kept: ${days}`);
}

export async function holds({ page, url, look, button, context }) {
  await page.goto(`${url}/apps/hello/-/holds?team=acme`);
  await put(page, "Reason", "the walk");
  await page.getByLabel("Lock", { exact: true }).selectOption("production");
  // The connection goes away in the middle: the form says so, keeps what was written, and works when it is back.
  await context.setOffline(true);
  await button("Lock deployments").click();
  await page.getByText("did not reach the server").waitFor();
  await context.setOffline(false);
  await button("Lock deployments").click();
  await button("Take away the lock of production").waitFor();
  await look("a lock");
  await page.goto(`${url}/apps/hello/production/config?team=acme`);
  await page.getByText("Locked by Ada because “the walk”.").waitFor();
  await put(page, "New key", "COLOUR");
  await put(page, "Value", "blue");
  await button("Add").click();
  const deploy = button("Save and deploy");
  check((await deploy.getAttribute("aria-disabled")) === "true", "a lock lets a deployment begin");
  await look("config under a lock");
  await button("Drop the changes").click();
  await page.goto(`${url}/apps/hello/production?team=acme`);
  await button("Restart").click();
  await button("Restart all the same").waitFor();
  await look("a restart in spite of a lock");
  await button("Leave it").click();
  await page.getByRole("link", { name: "Locks and freeze windows" }).click();
  await button("Take away the lock of production").click();
  await button("Take it away").click();
  await page.getByText("Nothing is locked.").waitFor();

  await put(page, "Reason of the freeze", "the holidays");
  await put(page, "Time zone", "Europe/Berlin");
  await put(page, "For hours", "168");
  await button("Make a freeze window").click();
  await page.getByText("frozen now").waitFor();
  await page.getByText(/^Frozen by Ada because “the holidays”, until/).waitFor();
  await look("a freeze window");
  await button("Remove the freeze window because of the holidays").click();
  await button("Remove it").click();
  await page.getByText("No freeze window.").waitFor();
}

async function notifications({ page, url, look, button }) {
  await page.goto(`${url}/team/notifications?team=acme`);
  await put(page, "Name", "board");
  await page.getByLabel("Told of").selectOption("own");
  await put(page, "Address", "https://hooks.example.invalid/segue");
  await put(page, "Kinds of events", "deployment.* build.failed");
  await button("Tell them").click();
  await page.getByText("board is made.").waitFor();
  await look("a new webhook");
  await button("I have it").click();
  await button("Test board").click();
  await page.getByText("webhook.test").waitFor();
  await page.getByRole("button", { name: "What was sent" }).first().click();
  await page.locator("pre").first().waitFor();
  await look("deliveries of a webhook");
  await button("Turn off board").click();
  await button("Turn on board").waitFor();
  await button("Remove board").click();
  await button("Remove it").click();
  await page.getByText("Nobody is told yet.").waitFor();
}

/** Somebody is told by mail: written, tested, and sent again what had arrived. */
async function mail({ page, url, look, button }) {
  const { letters, close } = await mailServer();
  try {
    await page.goto(`${url}/team/notifications?team=acme`);
    await page.getByLabel("How").selectOption("mail");
    await put(page, "Name", "people");
    await put(page, "Mail address", "nobody");
    await button("Tell them").click();
    await page.locator("[aria-invalid=true]").waitFor();
    check(letters.length === 0, "a mail without an address was sent");
    await put(page, "Mail address", "ops@example.com");
    await button("Tell them").click();
    await button("Test people").click();
    /** Reads the deliveries anew until these words stand there. */
    const until = async (words) => {
      const there = page.getByRole("cell", { name: words, exact: true });
      for (let left = 60; left > 0 && (await there.count()) === 0; left -= 1) {
        await button("Read again").click();
        await page.waitForTimeout(250);
      }
      await there.waitFor();
    };
    await until("delivered");
    check(letters.length === 1, `${letters.length} mails came for one test`);
    check(
      /^To: .*ops@example\.com/m.test(letters[0]),
      `the mail is to somebody else: ${letters[0]}`,
    );
    await button("Send again").click();
    await until("2 tries");
    await until("delivered");
    check(letters.length === 2, `${letters.length} mails came after it was sent again`);
    await look("deliveries by mail");
    await button("Remove people").click();
    await button("Remove it").click();
    await page.getByText("Nobody is told yet.").waitFor();
  } finally {
    close();
  }
}

async function credentials({ page, url, button }) {
  await page.goto(`${url}/team/credentials?team=acme`);
  await put(page, "Account", "ada");
  await put(page, "Host", "git.example.com");
  await put(page, "Password or token", "hunter2 hunter2");
  await button("Keep it").click();
  await button("Remove the account at git.example.com").waitFor();
  const text = await page.locator("main").textContent();
  check(!text.includes("hunter2"), "a password is shown");
  await button("Remove the account at git.example.com").click();
  await button("Remove it").click();
  await page.getByText("None. Private images").waitFor();
}

async function quota({ page, url, button }) {
  await page.goto(`${url}/team/settings?team=acme`);
  await put(page, "Apps at most", "50");
  await put(page, "CPU at most, in cores", "64,5");
  await button("Set the quota").click();
  await page.getByText("1 of 50").waitFor();
  await page.getByText("of 64.5 CPU").waitFor();
}

/** The forms that leave deployments alone. */
export async function forms(walk) {
  await sources(walk);
  await notifications(walk);
  await mail(walk);
  await credentials(walk);
  await quota(walk);
  walk.told("repository, hook, previews, notifications, credentials, quota");
  await walk.page.close();
}
