// Parts of the page that are loaded when they are needed. Without a connection they come when it is back, and the page
// stays as it is until then; where the server has another version of the page, the page is loaded anew, once.
import { bringBackSheets } from "./sheets";

/** How long a part is waited for. */
const LONGEST_MS = 10 * 60_000;
/** The longest wait between two tries. */
const PAUSE_MS = 8_000;
/** No second reload within this time: it would be for ever. */
const RELOAD_MS = 60_000;
const RELOADED = "segue-reloaded";

/** Whether the server answers and its page is made of other files than this one. */
async function moved(): Promise<boolean> {
  const own = document.querySelector<HTMLScriptElement>('script[type="module"][src]');
  if (!own) return false;
  try {
    const response = await fetch("/", { cache: "no-store" });
    return response.ok && !(await response.text()).includes(new URL(own.src).pathname);
  } catch {
    return false;
  }
}

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

/** Loads a part of the page; `reload` is for tests. */
export async function chunk<T>(
  load: () => Promise<T>,
  reload: () => void = () => window.location.reload(),
): Promise<T> {
  const until = Date.now() + LONGEST_MS;
  for (let wait = 250; ; wait = Math.min(wait * 2, PAUSE_MS)) {
    try {
      await bringBackSheets();
      return await load();
    } catch (error) {
      if (Date.now() > until) throw error;
      if (await moved()) {
        if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < RELOAD_MS) throw error;
        sessionStorage.setItem(RELOADED, String(Date.now()));
        reload();
      }
      await pause(wait);
    }
  }
}
