// A button with a menu. The menu's code comes once the first page is there, or when the button is pressed before that.

import {
  cloneElement,
  lazy,
  type ReactElement,
  Suspense,
  useEffect,
  useRef,
  useState,
} from "react";
import { chunk } from "../../lib/chunk";

const load = () => chunk(() => import("./DropMenu"));
const DropMenu = lazy(load);

/** One choice. */
export interface DropItem {
  id?: string;
  label: string;
  right?: string;
  current?: boolean;
  /** An address outside of this page; else `onClick`. */
  href?: string;
  onClick?: () => void;
}

/** Choices that belong together. */
export interface DropSection {
  title?: string;
  items: readonly DropItem[];
}

export interface DropProps {
  target: ReactElement<Record<string, unknown>>;
  sections: readonly DropSection[];
  /** It hangs at the button's end. */
  end?: boolean;
}

export function Drop({ target, sections, end }: DropProps) {
  const [there, setThere] = useState(false);
  const [pressed, setPressed] = useState(false);
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let gone = false;
    const take = () => {
      load().then(
        () => {
          if (gone) return;
          const had = place.current?.contains(document.activeElement);
          setThere(true);
          // The button is another one now; whoever was on it stays on it.
          if (had) requestAnimationFrame(() => place.current?.querySelector("button")?.focus());
        },
        () => undefined,
      );
    };
    // Not every browser tells when it has nothing to do.
    const later = window.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 200));
    later(take);
    return () => {
      gone = true;
    };
  }, []);
  const plain = cloneElement(target, {
    "aria-haspopup": "menu",
    "aria-expanded": false,
    onClick: () => {
      setPressed(true);
      setThere(true);
    },
  });
  return (
    <span ref={place}>
      {there ? (
        <Suspense fallback={plain}>
          <DropMenu target={target} sections={sections} end={end} opened={pressed} />
        </Suspense>
      ) : (
        plain
      )}
    </span>
  );
}
