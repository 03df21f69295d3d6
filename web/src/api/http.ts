// Every request of the page passes here: it is signed, tried once more after a refresh when the token was refused, and
// given up when nothing is heard of it for too long. What has no problem in it becomes one, so that every page says
// the same of a server that does not answer.

import { client, connect } from "@segue/client";
import { sameAgain } from "./again";
import { unexplained, unreached } from "./problem";
import { accessToken, end, refresh, refused, signedInAgain } from "./session";

/** The server sends a comment every 15 s; an answer of which nothing comes for this long is dead. */
const SILENCE_MS = 40_000;
/** How long an answer may take to begin. */
const ANSWER_MS = 30_000;
/** For archives that go up and repositories that are fetched. */
const SOURCE_MS = 15 * 60_000;

function bearerOf(request: Request): string | undefined {
  return request.headers.get("Authorization")?.replace(/^Bearer /, "");
}

/** Like `fetch`, but not for ever. */
async function timely(request: Request): Promise<Response> {
  const source = /\/sources(\/fetch)?$/.test(new URL(request.url).pathname);
  const stop = new AbortController();
  const leave = () => stop.abort(request.signal.reason);
  if (request.signal.aborted) leave();
  request.signal.addEventListener("abort", leave, { once: true });
  const timer = setTimeout(
    () => stop.abort(new DOMException("no answer in time", "TimeoutError")),
    source ? SOURCE_MS : ANSWER_MS,
  );
  try {
    return watched(await fetch(request, { signal: stop.signal }));
  } finally {
    clearTimeout(timer);
  }
}

/** Sends it; a request whose answer was lost keeps its key for the next try. */
async function sent(request: Request): Promise<Response> {
  const tell = await sameAgain(request);
  try {
    const response = await timely(request);
    tell(response.ok ? "done" : response.status >= 500 ? "lost" : "refused");
    return response;
  } catch (error) {
    tell("lost");
    throw error;
  }
}

/**
 * Like `fetch`: a request that was refused for its token gets another token, once. Where the session has ended it waits
 * until its person has signed in again, and then goes on.
 */
export async function signedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const again = request.clone();
  const response = await sent(request);
  const bearer = bearerOf(again);
  if (response.status !== 401 || !bearer) return response;
  refused(bearer);
  if (!(await refresh()) && !(await signedInAgain())) return response;
  const renewed = await accessToken();
  if (!renewed) return response;
  again.headers.set("Authorization", `Bearer ${renewed}`);
  const second = await sent(again);
  if (second.status === 401) end();
  return second;
}

/** Answers that have no words; browsers give some of them a body all the same, and refuse to make another one of it. */
const WORDLESS = [204, 205, 304];

function watched(response: Response): Response {
  if (!response.body || WORDLESS.includes(response.status)) return response;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const silence = new Promise<"silence">((resolve) => {
        timer = setTimeout(() => resolve("silence"), SILENCE_MS);
      });
      const next = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
      if (next === "silence") {
        controller.error(new TypeError("the stream fell silent"));
        void reader.cancel();
      } else if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: (reason) => {
      clearTimeout(timer);
      return reader.cancel(reason);
    },
  });
  return new Response(body, response);
}

connect({ baseUrl: window.location.origin, token: accessToken, fetch: signedFetch }, client);
client.interceptors.error.use((error, response) =>
  response ? unexplained(error, response.status) : unreached(error),
);
