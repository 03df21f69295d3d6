// Streams that outlive their connection. The generated stream client keeps the first request's
// headers, so a session that was renewed meanwhile would be refused for ever; here each
// connection is a new request that begins behind the last message (`Last-Event-ID`).
import type { Problem } from "./generated/types.gen.js";

/** One message of a stream. */
export interface Message<T> {
  /** Its name, `event`, `line`, `deployment`. */
  event: string;
  /** Its place; empty where the stream has none. */
  id: string;
  data: T;
}

/** What a stream is doing: `lost` is told once per loss, and `open` when it has caught up the connection. */
export type StreamState = "open" | "lost";

/** How a stream is followed. */
export interface Followed {
  /** Ends it. */
  signal?: AbortSignal;
  /** Begins behind this message. */
  lastEventId?: string;
  /** Told when the connection is there or lost. */
  onState?: (state: StreamState) => void;
  /**
   * What to do when the server ends the stream: `"return"` for streams that have an end (a deployment,
   * a build), `"reconnect"` for those that have none (events, an environment's log).
   */
  atEnd: "return" | "reconnect";
  /** Longest wait between two tries, in milliseconds; 30,000 if not given. */
  longestWait?: number;
}

/** The server refused; asking again would not help. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | undefined,
  ) {
    super(problem?.detail ?? `the server answered ${status}`);
    this.name = "ProblemError";
  }
}

/** A generated stream function. Its options are its own; here only what all of them take is added. */
// biome-ignore lint/suspicious/noExplicitAny: any is what lets each function keep its own options.
type StreamFunction = (options: any) => Promise<{ stream: AsyncGenerator<any> }>;
/** What a stream's messages hold. */
type Held<F extends StreamFunction> =
  Awaited<ReturnType<F>> extends { stream: AsyncGenerator<infer T> } ? T : never;
/** The options of a stream function, as far as its caller decides them. */
type OptionsOf<F extends StreamFunction> = Omit<
  NonNullable<Parameters<F>[0]>,
  "signal" | "onSseError" | "onSseEvent" | "sseMaxRetryAttempts"
>;

const FIRST_WAIT = 250;
const LONGEST_WAIT = 30_000;
/** The server says something every 15 s; a connection that is silent for so long is gone, though nobody said so. */
const LONGEST_SILENCE = 45_000;

/**
 * Follows a stream over lost connections: `for await (const message of follow(eventListStream, {}, { atEnd: "reconnect" }))`.
 * Ends with the signal, with the stream (`atEnd: "return"`), or by a `ProblemError` when the server
 * refuses (4xx but 401, 408, 429; a second 401 in a row too: the token is asked for anew each time).
 */
export async function* follow<F extends StreamFunction>(
  stream: F,
  options: OptionsOf<F>,
  followed: Followed,
): AsyncGenerator<Message<Held<F>>, void, undefined> {
  const { signal } = followed;
  const given = options as { headers?: object; fetch?: typeof fetch };
  let lastId = followed.lastEventId ?? "";
  let wait = FIRST_WAIT;
  let refusals = 0;
  let lost = false;
  while (!signal?.aborted) {
    let status = 0;
    let failure: unknown;
    let problem: Problem | undefined;
    let latest: { event?: string; id?: string } = {};
    const base = given.fetch ?? globalThis.fetch;
    const watched: typeof fetch = async (input, init) => {
      const response = await base(input, init);
      status = response.status;
      if (!response.ok) problem = await problemOf(response);
      return response;
    };
    const headers = lastId ? { ...given.headers, "Last-Event-ID": lastId } : given.headers;
    // Ends the connection also when the reader leaves in the middle of it.
    const connection = new AbortController();
    const leave = (): void => connection.abort();
    signal?.addEventListener("abort", leave, { once: true });
    const dead = (): void => {
      failure = new Error("the connection is gone");
      leave();
    };
    let silence: ReturnType<typeof setTimeout> | undefined;
    const heard = (): void => {
      clearTimeout(silence);
      silence = setTimeout(dead, LONGEST_SILENCE);
    };
    // A cable that is out ends no connection by itself; browsers say it, elsewhere the silence does.
    const unplugged = hearWindow("offline", dead);
    try {
      const { stream: messages } = await stream({
        ...options,
        headers,
        signal: connection.signal,
        fetch: (async (input: RequestInfo | URL, init?: RequestInit) => {
          const response = await watched(input, init);
          if (response.ok) {
            wait = FIRST_WAIT;
            refusals = 0;
            lost = false;
            followed.onState?.("open");
            return listened(response, heard);
          }
          return response;
        }) as typeof fetch,
        sseMaxRetryAttempts: 1,
        onSseError: (error: unknown) => {
          failure = error ?? new Error("the connection broke");
        },
        onSseEvent: (event: { event?: string; id?: string }) => {
          latest = event;
        },
      });
      for await (const data of messages) {
        if (latest.id) lastId = latest.id;
        yield { event: latest.event ?? "message", id: lastId, data };
      }
    } catch (error) {
      failure = error;
    } finally {
      signal?.removeEventListener("abort", leave);
      unplugged();
      leave();
      clearTimeout(silence);
    }
    if (signal?.aborted) return;
    if (failure === undefined && followed.atEnd === "return") return;
    if (status === 401) refusals += 1;
    const forGood = status >= 400 && status < 500 && status !== 408 && status !== 429;
    if (forGood && (status !== 401 || refusals > 1)) throw new ProblemError(status, problem);
    if (!lost) followed.onState?.("lost");
    lost = true;
    // Everybody loses the server at the same moment, so nobody comes back at the same one.
    await pause(wait * (0.5 + Math.random()), signal);
    wait = Math.min(wait * 2, followed.longestWait ?? LONGEST_WAIT);
  }
}

/** The same answer, telling of each piece that comes. */
function listened(response: Response, heard: () => void): Response {
  heard();
  const listening = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, to) {
      heard();
      to.enqueue(piece);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body?.pipeThrough(listening), { status, statusText, headers });
}

/** Hears what a browser says of its network; answers how to stop that. Other surroundings say nothing. */
function hearWindow(what: "offline" | "online", hearer: () => void): () => void {
  if (typeof globalThis.addEventListener !== "function") return () => undefined;
  globalThis.addEventListener(what, hearer);
  return () => globalThis.removeEventListener(what, hearer);
}

async function problemOf(response: Response): Promise<Problem | undefined> {
  try {
    return (await response.clone().json()) as Problem;
  } catch {
    return undefined;
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      plugged();
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    const plugged = hearWindow("online", end);
    signal?.addEventListener("abort", end, { once: true });
  });
}
