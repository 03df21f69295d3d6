// One more variable.

import { TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Act } from "../../components/Act";
import { keyFault } from "../../lib/dotenv";
import own from "./config.module.css";

export interface AddProps {
  why?: string;
  taken: string[];
  onAdd: (key: string, value: string) => void;
}

export function AddVariable({ why, taken, onAdd }: AddProps) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const [fault, setFault] = useState<string>();
  const add = (event: FormEvent) => {
    event.preventDefault();
    const name = key.trim();
    const wrong =
      keyFault(name) ?? (taken.includes(name) ? "It is there already; edit it above." : undefined);
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
        maxLength={32_768}
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
