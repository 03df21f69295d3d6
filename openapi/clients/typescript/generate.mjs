// Makes src/generated from openapi/v1.json: node generate.mjs [--out FOLDER].
//
// An operation that answers with a page or, asked for it, with a stream of events becomes two
// functions here (`eventList`, `eventListStream`), because the generator would keep the stream only.
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@hey-api/openapi-ts";

const here = dirname(fileURLToPath(import.meta.url));
const outAt = process.argv.indexOf("--out");
const out = outAt > 0 ? process.argv[outAt + 1] : join(here, "src", "generated");
const STREAM = "text/event-stream";
/** Marks the path of a stream's own function until the sources are written; no path has this. */
const MARK = "#stream";
/** Streams with messages of several kinds, told apart by their names; the document can say one only. */
const SEVERAL = { deployment_events: ["Deployment", "Event"] };

/** Splits what answers in two forms. */
export function split(document) {
  const paths = {};
  for (const [path, item] of Object.entries(document.paths)) {
    paths[path] = item;
    const operation = item.get;
    const content = operation?.responses?.["200"]?.content;
    if (!content?.[STREAM]) continue;
    const stream = structuredClone(operation);
    stream.operationId = `${operation.operationId}_stream`;
    stream.summary = `${operation.summary} As a stream.`;
    stream.responses["200"].content = { [STREAM]: content[STREAM] };
    const several = SEVERAL[operation.operationId];
    if (several) stream.responses["200"].content[STREAM].schema = { anyOf: several.map((name) => ({ $ref: `#/components/schemas/${name}` })) };
    // A stream begins at `Last-Event-ID` and has no pages.
    stream.parameters = (operation.parameters ?? []).filter(({ name }) => name !== "cursor" && name !== "limit");
    delete content[STREAM];
    paths[path + MARK] = { get: stream };
  }
  return { ...document, paths };
}

/** Takes the marks away, and lets streams be asked for by name: the API answers a page otherwise. */
async function mend(file) {
  const text = await readFile(file, "utf8");
  let mended = text.replaceAll(`${MARK}'`, "'").replaceAll("// TODO: ", "// ");
  if (file.endsWith("serverSentEvents.gen.ts")) {
    const before = "      if (lastEventId !== undefined) {";
    if (!mended.includes(before)) throw new Error("the generator's stream client is another one; look at mend()");
    mended = mended.replace(before, `      headers.set('Accept', '${STREAM}');\n${before}`);
  }
  if (mended !== text) await writeFile(file, mended);
}

async function sources(folder) {
  const found = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith(".ts")) found.push(join(entry.parentPath, entry.name));
  }
  return found;
}

const document = split(JSON.parse(await readFile(join(here, "..", "..", "v1.json"), "utf8")));
const made = await mkdtemp(join(tmpdir(), "segue-client-"));
try {
  await createClient({
    input: document,
    output: { path: join(made, "generated"), module: { extension: ".js" } },
    logs: { level: "warn", file: false },
    plugins: [
      { name: "@hey-api/client-fetch" },
      { name: "@hey-api/typescript", enums: false },
      { name: "@hey-api/sdk" },
      { name: "@tanstack/react-query", queryOptions: true, infiniteQueryOptions: true, mutationOptions: true },
    ],
  });
  for (const file of await sources(made)) await mend(file);
  await rm(out, { recursive: true, force: true });
  await cp(join(made, "generated"), out, { recursive: true });
} finally {
  await rm(made, { recursive: true, force: true });
}
