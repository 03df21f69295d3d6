// What every page has: a title, actions, and at its foot the command that does or shows the same.

import { type ReactNode, useEffect } from "react";
import { Command } from "./Command";
import classes from "./components.module.css";

export interface PageProps {
  title: ReactNode;
  /** Title of the tab; the title itself if that is text. */
  name?: string;
  sub?: ReactNode;
  actions?: ReactNode;
  /** The equal command. */
  command: string;
  children: ReactNode;
}

export function Page({ title, name, sub, actions, command, children }: PageProps) {
  const tab = name ?? (typeof title === "string" ? title : "");
  useEffect(() => {
    document.title = tab ? `${tab} · Segue` : "Segue";
  }, [tab]);
  return (
    <div className={classes.page}>
      <div className={classes.head}>
        <div>
          <h1>{title}</h1>
          {sub && <div className={classes.sub}>{sub}</div>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
      <div className={classes.foot}>
        <span>Command</span>
        <Command text={command} label="The same on the command line" />
      </div>
    </div>
  );
}
