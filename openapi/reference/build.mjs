// Writes the reference page of the API, made from openapi/v1.json: node build.mjs FOLDER.
//
// One page without a script, one style sheet beside it, nothing from elsewhere: the dashboard's policy holds for it
// too (docs/decisions/0032-generated-clients.md says why it is not made by redocly). Every text of the document is escaped.
import { mkdir, readFile, writeFile, copyFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const METHODS = ["get", "head", "post", "put", "patch", "delete"];

const escape = (text) =>
  String(text).replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);
/** A description: paragraphs, `code`, nothing else. */
const prose = (text = "") =>
  text
    .split(/\n\n+/)
    .filter(Boolean)
    .map((part) => `<p>${escape(part).replace(/`([^`]+)`/g, "<code>$1</code>")}</p>`)
    .join("");
const named = (reference) => reference.replace("#/components/schemas/", "");

/** A type in words, with a link to what has a name. */
function type(schema) {
  if (!schema || Object.keys(schema).length === 0) return "anything";
  if (schema.$ref) return `<a href="#schema-${escape(named(schema.$ref))}">${escape(named(schema.$ref))}</a>`;
  const kinds = [schema.type].flat().filter(Boolean);
  if (kinds.includes("array")) return `list of ${type(schema.items)}`;
  if (schema.additionalProperties && typeof schema.additionalProperties === "object") {
    return `map of ${type(schema.additionalProperties)}`;
  }
  const words = kinds.map((kind) => escape(kind)).join(" or ");
  return schema.format ? `${words} (${escape(schema.format)})` : words;
}

/** What a value may be, besides its type. */
function bounds(schema = {}) {
  const said = [];
  const range = (low, high, unit) => {
    if (low === undefined && high === undefined) return;
    said.push(`${low === undefined ? "at most" : high === undefined ? "at least" : ""} ${[low, high].filter((v) => v !== undefined).join(" to ")} ${unit}`.trim());
  };
  if (schema.enum) said.push(`one of ${schema.enum.map((word) => `<code>${escape(word)}</code>`).join(", ")}`);
  range(schema.minimum, schema.maximum, "");
  range(schema.minLength, schema.maxLength, "characters");
  range(schema.minItems, schema.maxItems, "items");
  if (schema.pattern) said.push(`matches <code>${escape(schema.pattern)}</code>`);
  if (schema.default !== undefined && schema.default !== null && typeof schema.default !== "object") {
    said.push(`<code>${escape(JSON.stringify(schema.default))}</code> if not given`);
  }
  return said.length > 0 ? `<p class="bounds">${said.join("; ")}</p>` : "";
}

const row = (name, required, schema, description) =>
  `<tr><th scope="row"><code>${escape(name)}</code>${required ? ' <span class="required">required</span>' : ""}</th>` +
  `<td>${type(schema)}</td><td>${prose(description)}${bounds(schema)}</td></tr>`;
const table = (caption, rows) =>
  rows.length === 0
    ? ""
    : `<div class="scroll"><table><caption>${caption}</caption><thead><tr><th scope="col">Name</th><th scope="col">Type</th>` +
      `<th scope="col">Meaning</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;

function operation(path, method, op, open) {
  const parameters = op.parameters ?? [];
  const of = (where) =>
    parameters.filter((p) => p.in === where).map((p) => row(p.name, p.required, p.schema, p.description));
  const body = Object.entries(op.requestBody?.content ?? {}).map(
    ([media, { schema }]) => `<li><code>${escape(media)}</code>: ${type(schema)}</li>`,
  );
  const answers = Object.entries(op.responses ?? {}).map(([status, response]) => {
    const content = Object.entries(response.content ?? {}).map(
      ([media, { schema }]) => `<code>${escape(media)}</code>: ${type(schema)}`,
    );
    return `<li><strong>${escape(status)}</strong> ${escape(response.description)}${content.length ? ` (${content.join("; ")})` : ""}</li>`;
  });
  return (
    `<section class="operation" id="${escape(op.operationId)}"><h3><span class="method ${method}">${method.toUpperCase()}</span> ` +
    `<code>${escape(path)}</code></h3><p class="summary">${escape(op.summary ?? "")}</p>${prose(op.description)}` +
    `<p class="meta">Operation <a href="#${escape(op.operationId)}"><code>${escape(op.operationId)}</code></a>${open ? "; no sign-in" : ""}</p>` +
    table("In the path", of("path")) +
    table("In the query", of("query")) +
    table("Headers", of("header")) +
    (body.length ? `<h4>Body</h4><ul>${body.join("")}</ul>` : "") +
    `<h4>Answers</h4><ul>${answers.join("")}</ul></section>`
  );
}

function schema(name, it) {
  const required = new Set(it.required ?? []);
  const rows = Object.entries(it.properties ?? {}).map(([member, value]) =>
    row(member, required.has(member), value, value.description),
  );
  return (
    `<section class="schema" id="schema-${escape(name)}"><h3>${escape(name)}</h3>${prose(it.description)}` +
    (rows.length ? table("Members", rows) : `<p>${type(it)}</p>${bounds(it)}`) +
    "</section>"
  );
}

/** The whole page. */
export function page(document) {
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, op: item[method] })),
  );
  const tags = document.tags ?? [];
  const under = (tag) => all.filter(({ op }) => (op.tags ?? [])[0] === tag);
  const open = (op) => Array.isArray(op.security) && op.security.some((way) => Object.keys(way).length === 0);
  const nav = tags
    .map(
      ({ name }) =>
        `<details><summary>${escape(name)}</summary><ul>${under(name)
          .map(({ op }) => `<li><a href="#${escape(op.operationId)}">${escape(op.operationId)}</a></li>`)
          .join("")}</ul></details>`,
    )
    .join("");
  const schemas = Object.entries(document.components?.schemas ?? {}).sort(([a], [b]) => a.localeCompare(b));
  const sections = tags
    .map(
      ({ name, description }) =>
        `<section id="tag-${escape(name)}"><h2>${escape(name)}</h2>${prose(description)}` +
        `${under(name)
          .map(({ path, method, op }) => operation(path, method, op, open(op)))
          .join("")}</section>`,
    )
    .join("");
  const shown = tags.reduce((count, { name }) => count + under(name).length, 0);
  if (shown !== all.length) throw new Error(`${all.length - shown} operations have no tag of the document's list`);
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<meta name="color-scheme" content="light dark"><title>${escape(document.info.title)}: reference of the API</title>` +
    `<link rel="stylesheet" href="/docs/api.css"></head><body><a class="skip" href="#main">To the operations</a>` +
    `<nav aria-label="Operations"><p><a href="/">${escape(document.info.title)}</a></p>${nav}<details><summary>schemas</summary><ul>${schemas
      .map(([name]) => `<li><a href="#schema-${escape(name)}">${escape(name)}</a></li>`)
      .join("")}</ul></details></nav><main id="main"><h1>Reference of the API</h1>${prose(document.info.description)}` +
    `<p>The document itself: <a href="/v1/openapi.json"><code>/v1/openapi.json</code></a> (OpenAPI ${escape(document.openapi)}). ` +
    `Sign-in: <code>Authorization: Bearer</code> with an API token or an access token.</p>${sections}` +
    `<section id="schemas"><h2>Schemas</h2>${schemas.map(([name, it]) => schema(name, it)).join("")}</section></main></body></html>\n`
  );
}

if (process.argv[2]) {
  const out = process.argv[2];
  await mkdir(out, { recursive: true });
  const document = JSON.parse(await readFile(join(here, "..", "v1.json"), "utf8"));
  await writeFile(join(out, "api.html"), page(document));
  await copyFile(join(here, "api.css"), join(out, "api.css"));
}
