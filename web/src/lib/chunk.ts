// Parts of the page that are loaded when they are needed. Without a connection they come when it is back, and the page
// stays as it is until then; where the server has another version of the page, the page is loaded anew, once.
import { insist } from "./insist";
import { bringBackSheets } from "./sheets";

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

/** Loads a part of the page; `reload` is for tests. */
export function chunk<T>(
  load: () => Promise<T>,
  reload: () => void = () => window.location.reload(),
): Promise<T> {
  return insist(
    async () => {
      await bringBackSheets();
      return await load();
    },
    async () => {
      if (!(await moved())) return true;
      if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < RELOAD_MS) return false;
      sessionStorage.setItem(RELOADED, String(Date.now()));
      reload();
      return true;
    },
  );
}
