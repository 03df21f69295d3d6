// The first load, compressed as the server sends it: index.html, what it loads by itself, and the first screen.
// Fails above the bound. Takes the list of files away again, which is of no use to browsers.
import { readFileSync, rmSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

const LIMIT = 180 * 1000;
/** The screen that people land on. */
const FIRST = "src/screens/apps/Apps.tsx";

const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const files = new Set(["index.html"]);

function add(key) {
  const chunk = manifest[key];
  if (!chunk || files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const more of [...(chunk.css ?? []), ...(chunk.assets ?? [])]) files.add(more);
  for (const next of chunk.imports ?? []) add(next);
}
add("index.html");
add(FIRST);

let total = 0;
const rows = [];
for (const file of files) {
  const bytes = brotliCompressSync(readFileSync(`dist/${file}`), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
  }).length;
  total += bytes;
  rows.push([file, bytes]);
}
for (const [file, bytes] of rows.sort((a, b) => b[1] - a[1]))
  console.log(String(bytes).padStart(8), file);
console.log(String(total).padStart(8), `first load, brotli; the bound is ${LIMIT}`);
if (total > LIMIT) {
  console.error("The first load is too large: split a chunk off, or drop something.");
  process.exit(1);
}
rmSync("dist/.vite", { recursive: true });
