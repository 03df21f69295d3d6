// The name of something, and the way to another one.

import { TextInput } from "@mantine/core";
import type { Check } from "../lib/checks";
import { useApiForm } from "../lib/form";
import { Act } from "./Act";
import { Card } from "./Card";
import classes from "./components.module.css";
import { Form } from "./Form";

export interface RenameProps {
  label: string;
  /** What another name brings with it. */
  effect: string;
  name: string;
  check: Check;
  why?: string;
  /** Reads the name anew. */
  reread: () => Promise<unknown>;
  onRename: (name: string) => Promise<unknown>;
}

export function Rename({ label, effect, name, check, why, reread, onRename }: RenameProps) {
  const handle = useApiForm({
    initial: { name },
    validate: { name: check },
    why,
    reread,
    send: (values) => onRename(values.name),
  });
  const { form, busy } = handle;
  return (
    <Card title="Name" flush>
      <Form of={handle} className={classes.form}>
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
      </Form>
    </Card>
  );
}
