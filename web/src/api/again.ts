// Keys of requests whose answer was lost. Nobody knows whether such a request was done; whoever presses again sends the
// same key, and the server answers what it did or does it now, once. Must not: keep anything over a reload.

/** After this long the same words are taken for a new wish. */
const LONGEST_MS = 10 * 60_000;
/** So many are remembered. */
const MOST = 20;
/** Larger bodies are not compared. */
const LARGEST = 64 * 1024;

const unsettled = new Map<string, { key: string; until: number }>();

/** What makes two requests the same; `undefined`: this one is not compared. */
async function wordsOf(request: Request): Promise<string | undefined> {
  if (request.method !== "POST" || !request.headers.has("Idempotency-Key")) return undefined;
  const type = request.headers.get("Content-Type");
  if (type && !type.includes("json")) return undefined;
  const body = await request.clone().text();
  return body.length > LARGEST ? undefined : `${request.url} ${body}`;
}

/**
 * Gives the request the key of the same one before it, if that one's answer was lost. What comes back is told how this
 * one went: `done`, `lost` (nobody knows), or `refused`, which changes nothing.
 */
export async function sameAgain(
  request: Request,
): Promise<(how: "done" | "lost" | "refused") => void> {
  const words = await wordsOf(request);
  if (words === undefined) return () => undefined;
  const before = unsettled.get(words);
  if (before && before.until > Date.now()) request.headers.set("Idempotency-Key", before.key);
  const key = request.headers.get("Idempotency-Key") ?? "";
  return (how) => {
    if (how === "done") unsettled.delete(words);
    if (how !== "lost") return;
    unsettled.delete(words);
    unsettled.set(words, { key, until: Date.now() + LONGEST_MS });
    for (const oldest of unsettled.keys()) {
      if (unsettled.size <= MOST) break;
      unsettled.delete(oldest);
    }
  };
}

/** Forgets all of them: another person is no second try. */
export function forgetKeys(): void {
  unsettled.clear();
}
