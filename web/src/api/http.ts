// Every request of the page passes here: it is signed, and tried once more after a refresh when the token was
// refused. A stream that says nothing for too long is taken for dead, so that it is opened again.

import { client, connect } from "@segue/client";
import { accessToken, forget, refresh, refused } from "./session";

/** The server sends a comment every 15 s; a stream without one for this long is dead. */
const SILENCE_MS = 40_000;

function bearerOf(request: Request): string | undefined {
  return request.headers.get("Authorization")?.replace(/^Bearer /, "");
}

/** Like `fetch`: a request that was refused for its token gets another token, once. */
export async function signedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const again = request.clone();
  const response = await fetch(request);
  const sent = bearerOf(again);
  if (response.status !== 401 || !sent) return watched(response);
  refused(sent);
  if (!(await refresh())) return response;
  const renewed = await accessToken();
  if (!renewed) return response;
  again.headers.set("Authorization", `Bearer ${renewed}`);
  const second = await fetch(again);
  if (second.status === 401) forget();
  return watched(second);
}

function watched(response: Response): Response {
  const stream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
  if (!stream || !response.body) return response;
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
