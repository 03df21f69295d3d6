// Name and password.

import { Button, TextInput } from "@mantine/core";
import { meUpdate, passwordSet } from "@segue/client";
import { refresh } from "../../api/session";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { PasswordField } from "../../components/PasswordField";
import { toast } from "../../components/toast";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

export function Profile({ name }: { name: string }) {
  const handle = useApiForm({
    initial: { name },
    validate: checks.MeUpdate,
    reread: refresh,
    send: async (values) => {
      await meUpdate({ body: { name: values.name.trim() }, throwOnError: true });
      await refresh();
      toast({ message: "Your name is changed.", color: "green" });
    },
  });
  const { form, busy } = handle;
  return (
    <Card title="Name" flush>
      <Form of={handle} className={classes.form}>
        <TextInput label="Your name" autoComplete="name" {...form.getInputProps("name")} />
        <Act
          type="submit"
          variant="default"
          loading={busy}
          why={form.isDirty() ? undefined : "That is your name already."}
        >
          Change it
        </Act>
      </Form>
    </Card>
  );
}

export function Password() {
  const handle = useApiForm({
    initial: { current: "", new: "" },
    validate: checks.PasswordSet,
    send: async (values) => {
      await passwordSet({ body: values, throwOnError: true });
      form.reset();
      toast({ message: "The password is changed; other sessions have ended.", color: "green" });
    },
  });
  const { form, busy } = handle;
  return (
    <Card title="Password" flush>
      <Form of={handle} className={classes.form}>
        <PasswordField
          label="Present password"
          autoComplete="current-password"
          w={220}
          {...form.getInputProps("current")}
        />
        <PasswordField
          label="New password"
          autoComplete="new-password"
          w={220}
          {...form.getInputProps("new")}
        />
        <Button type="submit" variant="default" loading={busy}>
          Change it
        </Button>
      </Form>
    </Card>
  );
}
