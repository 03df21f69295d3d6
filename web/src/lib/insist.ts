// Work that needs the server, tried until it is reached.

/** How long it is tried. */
const LONGEST_MS = 10 * 60_000;
/** The longest wait between two tries. */
const PAUSE_MS = 8_000;

/** Until the browser says that it is back, at most that long. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
  });
}

/**
 * Does the work again, at longer and longer distances, until it succeeds or ten minutes are over; then its last error is
 * thrown. `worth` is asked after each failure; what it throws, or `false`, ends it at once.
 */
export async function insist<T>(
  work: () => Promise<T>,
  worth: (error: unknown) => boolean | Promise<boolean>,
): Promise<T> {
  const until = Date.now() + LONGEST_MS;
  for (let wait = 250; ; wait = Math.min(wait * 2, PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > until || !(await worth(error))) throw error;
      await pause(wait);
    }
  }
}
