// Runs the walk against a Segue of its own: SEGUE_BIN=target/debug/segue npm run e2e [-- --images].
// With --images the pictures of docs/images are made anew.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHROMIUM } from "./lib.mjs";
import { walk } from "./walk.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const program = process.env.SEGUE_BIN ?? join(root, "target/debug/segue");
const state = process.env.SEGUE_WALK_STATE ?? "/var/tmp/segue-walk";
const images = process.argv.includes("--images") ? join(root, "docs/images") : undefined;

for (const [file, what] of [
  [program, "the program: cargo build, or set SEGUE_BIN"],
  [CHROMIUM, "Debian's package chromium, or set CHROMIUM"],
]) {
  if (!existsSync(file)) {
    console.error(`${file} is not there; the walk needs ${what}.`);
    process.exit(2);
  }
}

const server = (verb, ...more) =>
  execFileSync(join(here, "server.sh"), [verb, state, ...more], {
    stdio: ["ignore", "pipe", "inherit"],
  }).toString();

let faults = ["the server did not start"];
try {
  server("down");
  const printed = server("up", program).trim().split("\n").pop();
  const link = new URL(printed);
  // A development server in front of it, to try the page without building the program again.
  if (process.env.SEGUE_WALK_PAGE) link.host = new URL(process.env.SEGUE_WALK_PAGE).host;
  faults = await walk({
    root,
    program,
    url: link.origin,
    link: link.href,
    edge: 8990,
    images,
    log: console.log,
  });
} finally {
  if (!process.env.SEGUE_WALK_KEEP) server("down");
}
for (const fault of faults) console.error(`✗ ${fault}`);
console.log(faults.length === 0 ? "✓ the walk went through" : `✗ ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
