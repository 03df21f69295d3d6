// What is done with a password given once more, and with a link for a forgotten one.

import { client } from "@segue/client";

const security = [{ scheme: "bearer", type: "http" } as const];
const headers = { "Content-Type": "application/json" };

/** Confirms the session for ten minutes. */
export const sessionConfirm = (options: { body: { password: string } }) =>
  client.post<{ 200: { confirmed_until: string } }, unknown, true>({
    security,
    headers,
    url: "/v1/auth/confirm",
    ...options,
    throwOnError: true,
  });

/** Sets a new password with a link. */
export const resetUse = (options: { body: { token: string; password: string } }) =>
  client.post<{ 204: undefined }, unknown, true>({
    headers,
    url: "/v1/auth/reset",
    ...options,
    throwOnError: true,
  });

/** A link by which somebody sets a new password. */
export interface ResetLink {
  link: string;
  expires_at: string;
  mailed: boolean;
}

/** Makes such a link. */
export const resetLinkCreate = (options: { path: { team: string; user: string } }) =>
  client.post<{ 201: ResetLink }, unknown, true>({
    security,
    url: "/v1/teams/{team}/members/{user}/reset-link",
    ...options,
    throwOnError: true,
  });

/** Shows a secret's value. */
export const secretReveal = (options: {
  path: { team: string; app: string; env: string; key: string };
}) =>
  client.post<{ 200: { key: string; value: string } }, unknown, true>({
    security,
    url: "/v1/teams/{team}/apps/{app}/envs/{env}/secrets/{key}/reveal",
    ...options,
    throwOnError: true,
  });
