// The frame of pages for people who are not signed in.

import type { ReactNode } from "react";
import { useEffect } from "react";
import icon from "../assets/icon.svg";
import classes from "./shell/shell.module.css";

export function Outside({
  title,
  sub,
  children,
}: {
  title: string;
  sub?: ReactNode;
  children?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Segue`;
  }, [title]);
  return (
    <main className={classes.outside}>
      <div className={classes.box}>
        <img src={icon} alt="" width="40" height="40" />
        <h1>{title}</h1>
        <p>{sub}</p>
        {children}
      </div>
    </main>
  );
}
