// Who is signed in. The access token lives in this module's memory only; the refresh token is a cookie
// that scripts cannot read. Refresh tokens are single use, so one refresh runs at a time over all tabs.
// Must not: write the token anywhere, or ask for it by a timer.

import { forgetKeys } from "./again";

/** A team of the person and their role in it. */
export interface SessionTeam {
  id: string;
  name: string;
  /** Missing where the person has roles on single apps only. */
  role?: string;
}

/** The person. */
export interface SessionUser {
  id: string;
  email: string;
  name: string;
  platform_admin: boolean;
}

/** What a sign-in or a refresh answers. */
export interface SignedIn {
  access_token: string;
  expires_in: number;
  user: SessionUser;
  teams: SessionTeam[];
}

/** The state that the page shows. */
export type Session =
  | { status: "unknown" }
  | { status: "anonymous" }
  /** `ended`: the server knows the session no more; the page waits for its person to sign in again. */
  | { status: "signed-in"; user: SessionUser; teams: SessionTeam[]; ended?: true };

const LOCK = "segue-refresh";
/** A token that ends within this time is renewed before it is used. */
const EARLY_MS = 20_000;

let session: Session = { status: "unknown" };
let token: { text: string; until: number } | undefined;
let running: Promise<boolean> | undefined;
const listeners = new Set<() => void>();
const channel =
  typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("segue-session");

function set(next: Session): void {
  session = next;
  for (const tell of listeners) tell();
}

/** For `useSyncExternalStore`. */
export function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** The session as it is. */
export function current(): Session {
  return session;
}

/** Requests that wait for their person; `true`: signed in again. */
let waiting: ((again: boolean) => void)[] = [];

function answerWaiting(again: boolean): void {
  for (const answer of waiting.splice(0)) answer(again);
}

/** Who is signed in, by id. */
function person(): string | undefined {
  return session.status === "signed-in" ? session.user.id : undefined;
}

/** Takes over what a sign-in answered. What waited goes on if it is the same person. */
export function adopt(answer: SignedIn): void {
  const same = person() === answer.user.id;
  token = { text: answer.access_token, until: Date.now() + answer.expires_in * 1000 };
  if (!same) forgetKeys();
  set({ status: "signed-in", user: answer.user, teams: answer.teams });
  answerWaiting(same);
}

/** Forgets the person in this tab. */
export function forget(): void {
  token = undefined;
  forgetKeys();
  if (session.status !== "anonymous") set({ status: "anonymous" });
  answerWaiting(false);
}

/** The server says that the session is over. Whoever sat here may have typed something: the page is kept. */
export function end(): void {
  token = undefined;
  if (session.status === "signed-in") {
    if (!session.ended) set({ ...session, ended: true });
  } else forget();
}

/** Waits until the person of an ended session has signed in again (`true`) or has left (`false`). */
export function signedInAgain(): Promise<boolean> {
  if (session.status !== "signed-in") return Promise.resolve(false);
  if (!session.ended) return Promise.resolve(true);
  return new Promise((resolve) => {
    waiting = [...waiting, resolve];
  });
}

/** Headers of requests that are answered by the cookie alone; the second keeps other sites out. */
const COOKIE_REQUEST: RequestInit = {
  method: "POST",
  credentials: "same-origin",
  headers: { "X-Segue-Csrf": "1", Accept: "application/json" },
};

/** A tab without locks may come second: its cookie is then the one that the first tab got. */
const TRIES = 3;

async function refreshOnce(tried = 0): Promise<boolean> {
  const response = await fetch("/v1/auth/refresh", COOKIE_REQUEST);
  if (response.status === 409 && tried < TRIES) return refreshOnce(tried + 1);
  if (response.ok) {
    adopt((await response.json()) as SignedIn);
    return true;
  }
  // A server in trouble is no reason to throw people out.
  if (response.status >= 500 || response.status === 429) throw new TypeError("refresh");
  end();
  return false;
}

/** Renews the token; `false`: nobody is signed in. Throws when the server cannot be asked. */
export function refresh(): Promise<boolean> {
  running ??= (async () => {
    try {
      // Locks exist in secure contexts only; without them this tab's own turn is all we can keep.
      if (navigator.locks) return await navigator.locks.request(LOCK, () => refreshOnce());
      return await refreshOnce();
    } finally {
      running = undefined;
    }
  })();
  return running;
}

/** A token that is good for the next seconds; `undefined`: nobody is signed in. */
export async function accessToken(): Promise<string | undefined> {
  if (token && token.until - Date.now() > EARLY_MS) return token.text;
  if (session.status === "anonymous") return undefined;
  const who = person();
  const over = session.status === "signed-in" && session.ended === true;
  if ((over || !(await refresh())) && !(await signedInAgain())) return undefined;
  // Another person may have signed in from another tab: what this one asked for is not theirs.
  if (who !== undefined && person() !== who) throw new TypeError("somebody else is signed in");
  return token?.text;
}

/** Says that the server refused the token. */
export function refused(text: string): void {
  if (token?.text === text) token = undefined;
}

/** Ends the session here, on the server and in the other tabs. */
export async function signOut(): Promise<void> {
  const text = token?.text;
  const headers = new Headers(COOKIE_REQUEST.headers);
  if (text) headers.set("Authorization", `Bearer ${text}`);
  await fetch("/v1/auth/logout", { ...COOKIE_REQUEST, headers });
  forget();
  channel?.postMessage("signed-out");
}

/** Tells the other tabs that somebody has signed in here; those whose session had ended go on. */
export function announce(): void {
  channel?.postMessage("signed-in");
}

channel?.addEventListener("message", (message) => {
  if (message.data === "signed-out") forget();
  const over = session.status === "signed-in" && session.ended;
  if (message.data === "signed-in" && over) refresh().catch(() => undefined);
});
