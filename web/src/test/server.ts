// A server for tests of pages: what it answers comes from openapi/v1.json, so a page is held to the document, and writes
// can be made to fail in every way there is.
import { readFileSync } from "node:fs";
import { eventStream } from "./events";

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  allOf?: Schema[];
  format?: string;
  minimum?: number;
  required?: string[];
  properties?: Record<string, Schema>;
}
interface Operation {
  operationId: string;
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
}

const document_ = JSON.parse(readFileSync("../openapi/v1.json", "utf8")) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

/** An answer of the kind that a schema describes: what must be there, and lists without items. */
function sample(schema: Schema | undefined, name = "text"): unknown {
  if (!schema) return {};
  if (schema.$ref)
    return sample(document_.components.schemas[schema.$ref.split("/").pop() ?? ""], name);
  if (schema.enum) return schema.enum[0];
  if (schema.allOf)
    return Object.assign({}, ...schema.allOf.map((one) => sample(one, name) as object));
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  switch (type) {
    case "string":
      return schema.format === "date-time" ? "2026-11-21T12:00:00Z" : name;
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return false;
    case "array":
      return [];
    default:
      return Object.fromEntries(
        (schema.required ?? []).map((key) => [key, sample(schema.properties?.[key], key)]),
      );
  }
}

interface Route {
  method: string;
  pattern: RegExp;
  operation: Operation;
}

const routes: Route[] = Object.entries(document_.paths)
  .flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, operation]) => operation.operationId)
      .map(([method, operation]) => ({
        method: method.toUpperCase(),
        pattern: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, "[^/]+")}$`),
        operation,
      })),
  )
  // Words before names: `/teams/{team}/quota` before `/teams/{team}`.
  .sort((a, b) => b.pattern.source.length - a.pattern.source.length);

/** One write that reached the server. */
export interface Call {
  id: string;
  method: string;
  key: string | null;
  body: string;
}

/** How a write is answered instead of well. */
export type Mishap = () => Promise<Response>;

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": status < 400 ? "application/json" : "application/problem+json" },
  });

/** A problem as the API says it. */
export function problem(status: number, code: string, more: object = {}): Mishap {
  const words = { title: "No", detail: "the server's own sentence", request_id: "req_1" };
  return async () => json(status, { ...words, status, code, ...more });
}

/** What is in front of the server, and answers in its place. */
export const gateway: Mishap = async () =>
  new Response("<html>Service Unavailable</html>", {
    status: 503,
    headers: { "Content-Type": "text/html" },
  });
export const lost: Mishap = () => Promise.reject(new TypeError("fetch failed"));
export const tooLate: Mishap = () =>
  Promise.reject(new DOMException("no answer in time", "TimeoutError"));

const at = "2026-11-21T12:00:00Z";
export const environment = {
  id: "env_1",
  name: "production",
  kind: "production",
  protected: false,
  stopped: false,
  generation: 5,
  observed_generation: 5,
  serving: 1,
  urls: [],
  conditions: [],
  created_at: at,
};
export const app = {
  id: "app_1",
  name: "shop",
  labels: { tier: "gold" },
  git_url: "http://localhost/git/acme/shop.git",
  generation: 3,
  created_at: at,
  repo: { url: "https://git.example.com/shop.git", branch: "main", auto_deploy: true },
};

/** What of the answers is not left to the document. */
const KNOWN: Record<string, unknown> = {
  app_get: app,
  app_list: { items: [app] },
  environment_get: environment,
  environment_list: { items: [environment] },
  quota_get: { apps: { used: 1 }, cpu_millis: { used: 500 }, memory_bytes: { used: 1024 } },
  config_get: { version: 2, values: { LOG_LEVEL: "info" }, created_by: "Ada", created_at: at },
  invitation_show: {
    team: "acme",
    invited_by: "Ada",
    email: "vera@example.com",
    role: "viewer",
    account_exists: false,
    expires_at: at,
  },
  source_plan: {
    sha256: "a".repeat(64),
    builder: "python",
    summary: "Python, by requirements.txt",
    why: [],
    has_manifest: false,
    services: [{ name: "web", kind: "web", replicas: 1 }],
    variables: [{ key: "COLOUR", required: true, set: false, origin: "app.json" }],
  },
};

export class Server {
  /** Writes in the order in which they came. */
  calls: Call[] = [];
  /** How the next writes go wrong, one each. */
  mishaps: Mishap[] = [];
  /** The session is over: nothing but a sign-in is answered. */
  over = false;
  /** Nobody is signed in. */
  anonymous = false;
  known: Record<string, unknown>;

  constructor(public role = "owner") {
    this.known = { ...KNOWN };
  }

  private session() {
    return {
      access_token: "token",
      token_type: "Bearer",
      expires_in: 900,
      user: {
        id: "usr_1",
        email: "ada@example.com",
        name: "Ada",
        platform_admin: this.role === "owner",
      },
      teams: [{ id: "team_1", name: "acme", role: this.role }],
    };
  }

  /** Stands in for the browser's. */
  fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request =
      input instanceof Request ? input : new Request(new URL(String(input), location.origin), init);
    const path = new URL(request.url).pathname;
    if (request.headers.get("Accept")?.includes("text/event-stream"))
      return new Response(eventStream(), {
        headers: { "Content-Type": "text/event-stream" },
      });
    if (path === "/v1/auth/refresh")
      return this.over || this.anonymous
        ? problem(401, "session_ended")()
        : json(200, this.session());
    const route = routes.find((one) => one.method === request.method && one.pattern.test(path));
    if (!route) throw new Error(`the document has no ${request.method} ${path}`);
    const id = route.operation.operationId;
    // What is asked for by a form is watched like a write; what a page only shows is not.
    if (id === "device_get" || (request.method !== "GET" && id !== "invitation_show")) {
      const body = await request.clone().text();
      const key = request.headers.get("Idempotency-Key");
      this.calls.push({ id, method: request.method, key, body });
      if (id === "session_create") this.over = false;
      else if (this.over) return problem(401, "unauthenticated")();
      const mishap = this.mishaps.shift();
      if (mishap) return mishap();
      if (id === "session_create" || id === "setup_create")
        return json(200, id === "setup_create" ? { signed_in: this.session() } : this.session());
    } else if (this.over) return problem(401, "unauthenticated")();
    if (id in this.known) return json(200, this.known[id]);
    const [status = "200", answer] =
      Object.entries(route.operation.responses).find(([one]) => one.startsWith("2")) ?? [];
    const schema = answer?.content?.["application/json"]?.schema;
    return schema ? json(Number(status), sample(schema)) : new Response(null, { status: 204 });
  };

  /** Writes of one operation. */
  of(id: string): Call[] {
    return this.calls.filter((one) => one.id === id);
  }
}
