// Style sheets that did not arrive. A link whose request was cut off stays in the page: the loader of parts takes it for
// loaded, and nothing ever asks for it again.

/** The longest wait between two tries. */
const PAUSE_MS = 8_000;

/** Links whose sheet came to nothing. One that is still on its way has no sheet yet and is not among them. */
function failed(): HTMLLinkElement[] {
  return [...document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')].filter(
    (link) => {
      try {
        return link.sheet !== null && !link.sheet.cssRules;
      } catch {
        // What is our own may always be read, so nothing is there to be read.
        return true;
      }
    },
  );
}

/** Takes them away, so that the next try of their part asks for them again. */
export function forgetFailedSheets(): void {
  for (const link of failed()) link.remove();
}

/** Asks again for those the page began with, until they are there. */
export function askAgainForSheets(): void {
  const ask = (link: HTMLLinkElement, wait: number) => {
    const next = link.cloneNode() as HTMLLinkElement;
    next.addEventListener("error", () =>
      setTimeout(() => ask(next, Math.min(wait * 2, PAUSE_MS)), wait),
    );
    link.replaceWith(next);
  };
  for (const link of failed()) ask(link, 250);
}
