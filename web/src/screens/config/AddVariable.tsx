// One more variable.

import { TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
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
  const [wrong, setWrong] = useState<{ key?: string | null; value?: string | null }>({});
  const form = useRef<HTMLFormElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each press puts the focus anew
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrong]);
  const add = (event: FormEvent) => {
    event.preventDefault();
    const name = key.trim();
    if (why) return;
    const faults = {
      key: keyCheck(name) ?? (taken.includes(name) ? "It is there already; edit it above." : null),
      value: valueCheck(value),
    };
    setWrong(faults);
    if (faults.key || faults.value) return;
    onAdd(name, value);
    setKey("");
    setValue("");
  };
  return (
    <form className={own.add} onSubmit={add} noValidate ref={form}>
      <TextInput
        label="New key"
        value={key}
        error={wrong.key}
        onChange={(event) => setKey(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        label="Value"
        value={value}
        error={wrong.value}
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
