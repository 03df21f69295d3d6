// What every use of the client sets: where the server is, who asks, and a key for each POST, so
// that one that is sent again does nothing twice.
import type { Client, Config } from "./generated/client/index.js";
import { createClient, createConfig } from "./generated/client/index.js";

/** Where the API is and who asks. */
export interface Connection {
  /** `https://segue.example.com`; empty in a page that the server itself serves. */
  baseUrl?: string;
  /** An API token, or what gives one for each request. Nothing for operations without sign-in. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Another `fetch`. */
  fetch?: typeof fetch;
  /** Whether cookies go along; a page that renews its session needs `"same-origin"`. */
  credentials?: RequestCredentials;
}

/** 128 random bits; `crypto.randomUUID` is not there in pages without TLS. */
function key(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Makes a client, or sets one up: `connect({ baseUrl, token })` for one of your own, which is passed as
 * `client` to each function; `connect({ token }, client)` for the one that functions use by themselves.
 */
export function connect(connection: Connection, existing?: Client): Client {
  const config: Config = { baseUrl: connection.baseUrl ?? "" };
  const { token } = connection;
  if (token !== undefined) config.auth = typeof token === "string" ? token : async () => token();
  if (connection.fetch) config.fetch = connection.fetch;
  if (connection.credentials) config.credentials = connection.credentials;
  const client = existing ?? createClient(createConfig());
  client.setConfig(config);
  client.interceptors.request.use((request) => {
    if (request.method === "POST" && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", key());
    }
    return request;
  });
  return client;
}
