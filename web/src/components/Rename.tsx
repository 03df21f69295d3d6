// The name of something, and the way to another one.

import { TextInput } from "@mantine/core";
import type { Check } from "../lib/checks";
import { useApiForm } from "../lib/form";
import { Act } from "./Act";
import { Card } from "./Card";
import classes from "./components.module.css";
import { FormFault } from "./FormFault";

export interface RenameProps {
  label: string;
  /** What another name brings with it. */
  effect: string;
  name: string;
  check: Check;
  why?: string;
  onRename: (name: string) => Promise<unknown>;
}

export function Rename({ label, effect, name, check, why, onRename }: RenameProps) {
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { name },
    validate: { name: check },
    send: (values) => onRename(values.name),
  });
  return (
    <Card title="Name" flush>
      <form onSubmit={onSubmit} noValidate className={classes.form}>
        <FormFault text={rest} />
        <TextInput
          label={label}
          description={effect}
          autoComplete="off"
          {...form.getInputProps("name")}
        />
        <Act
          type="submit"
          variant="default"
          loading={busy}
          why={why ?? (form.isDirty() ? undefined : "It has that name.")}
        >
          Change it
        </Act>
      </form>
    </Card>
  );
}
