// A part of a page with a heading.

import type { CSSProperties, ReactNode } from "react";
import classes from "./components.module.css";

export interface CardProps {
  title: ReactNode;
  actions?: ReactNode;
  /** The content reaches the border: tables, logs. */
  flush?: boolean;
  children: ReactNode;
}

export function Card({ title, actions, flush, children }: CardProps) {
  return (
    <section className={classes.card}>
      <div className={classes.cardHead}>
        <h2>{title}</h2>
        {actions}
      </div>
      <div className={classes.cardBody} data-flush={flush || undefined}>
        {children}
      </div>
    </section>
  );
}

/** Names of columns for the style sheet, which puts them before each cell where rows stand as cards. */
function named(head: readonly string[]): CSSProperties {
  return Object.fromEntries(
    head.map((name, index) => [`--head-${index + 1}`, JSON.stringify(name)]),
  ) as CSSProperties;
}

/** A table that scrolls sideways where there is no room; on a telephone each row is a card. */
export function Table({
  label,
  head,
  children,
}: {
  label: string;
  head: string[];
  children: ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={classes.scroll} tabIndex={0} aria-label={label}>
      <table className={classes.table} style={named(head)}>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name || <span className="said">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

export function Empty({ title, children }: { title?: string; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      {title && <h3>{title}</h3>}
      {children}
    </div>
  );
}
