// Style sheets that did not arrive. A link whose request was cut off stays in the page, and the bundler's loader asks for
// each sheet once: after a try again the part would stand there without its style for good.

/** Those that are asked for again just now. */
const underway = new Map<HTMLLinkElement, Promise<void>>();

/** Links whose sheet came to nothing. One that is still on its way has no sheet yet and is not among them. */
function failed(): HTMLLinkElement[] {
  const links = document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]');
  return [...links].filter((link) => {
    try {
      return link.sheet !== null && !link.sheet.cssRules;
    } catch {
      // What is our own may always be read, so nothing is there to be read.
      return true;
    }
  });
}

function ask(link: HTMLLinkElement): Promise<void> {
  const next = link.cloneNode() as HTMLLinkElement;
  const settled = new Promise<void>((resolve, reject) => {
    next.addEventListener("load", () => resolve());
    next.addEventListener("error", () => reject(new TypeError(`${next.href} did not come`)));
  }).finally(() => underway.delete(next));
  underway.set(next, settled);
  link.replaceWith(next);
  return settled;
}

/** Asks for them once more, and fails if one does not come. */
export async function bringBackSheets(): Promise<void> {
  for (const link of failed()) void ask(link);
  const ends = await Promise.allSettled(underway.values());
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
