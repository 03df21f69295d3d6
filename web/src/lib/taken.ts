// Secrets that came in the address of a page: taken out of it before anything else happens, so that they are in no
// history and no picture of the screen.

/** What stands behind the `#`; the address is `path` from then on. */
export function takeHash(path: string): string {
  const token = window.location.hash.slice(1);
  if (token) window.history.replaceState(null, "", path);
  return token;
}

/** A parameter of the query; the address is `path` from then on. */
export function takeQuery(path: string, name: string): string {
  const token = new URLSearchParams(window.location.search).get(name) ?? "";
  if (token) window.history.replaceState(null, "", path);
  return token;
}
