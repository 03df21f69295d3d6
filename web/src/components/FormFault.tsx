// What is wrong with a form and has no field.

import classes from "./components.module.css";

export function FormFault({ text }: { text?: string }) {
  if (!text) return null;
  return (
    <div className={classes.fault} role="alert" tabIndex={-1}>
      {text}
    </div>
  );
}
