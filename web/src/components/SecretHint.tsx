// Warns of a plain value that looks like a secret, with the way to make it one.

import { Button } from "@mantine/core";
import { useState } from "react";
import { sentenceOf } from "../api/problem";
import { looksSecret } from "../lib/secretshape";
import classes from "./components.module.css";

export interface SecretHintProps {
  name: string;
  value: string;
  /** The name stands beside it already. */
  nameless?: boolean;
  /** Why this person sets no secrets here. */
  why?: string;
  onSeal: () => unknown;
}

export function SecretHint({ name, value, nameless, why, onSeal }: SecretHintProps) {
  const shape = looksSecret(name, value);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string>();
  if (!shape) return null;
  const seal = async () => {
    setBusy(true);
    setRefused(undefined);
    try {
      await onSeal();
    } catch (error) {
      setRefused(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={classes.hint} role="status">
      <span>
        {nameless ? "This" : <code>{name}</code>} looks like a secret: {shape}. Everybody in the
        team reads plain values.
      </span>{" "}
      {!why && (
        <Button size="compact-sm" variant="light" loading={busy} onClick={() => void seal()}>
          Make it a secret
        </Button>
      )}
      {(refused ?? why) && <div>{refused ?? why}</div>}
    </div>
  );
}
