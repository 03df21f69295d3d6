// One more variable.

import { TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Act } from "../../components/Act";
import { keyCheck, valueCheck } from "../../lib/checks";
import own from "./config.module.css";

export interface AddProps {
  why?: string;
  taken: string[];
  onAdd: (key: string, value: string) => void;
}

export function AddVariable({ why, taken, onAdd }: AddProps) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const add = (event: FormEvent) => {
    event.preventDefault();
    const name = key.trim();
    const wrong =
      keyCheck(name) ??
      (taken.includes(name) ? "It is there already; edit it above." : valueCheck(value));
    setFault(wrong);
    if (wrong || why) return;
    onAdd(name, value);
    setKey("");
    setValue("");
  };
  return (
    <form className={own.add} onSubmit={add} noValidate>
      <TextInput
        label="New key"
        value={key}
        error={fault}
        maxLength={200}
        onChange={(event) => setKey(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        label="Value"
        value={value}
        onChange={(event) => setValue(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
      />
      <Act type="submit" variant="default" why={why}>
        Add
      </Act>
    </form>
  );
}
