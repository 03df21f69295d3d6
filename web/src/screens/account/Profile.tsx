// Name and password.

import { Button, PasswordInput, TextInput } from "@mantine/core";
import { meUpdate, passwordSet } from "@segue/client";
import { refresh } from "../../api/session";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { FormFault } from "../../components/FormFault";
import { toast } from "../../components/toast";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

export function Profile({ name }: { name: string }) {
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { name },
    validate: checks.MeUpdate,
    send: async (values) => {
      await meUpdate({ body: { name: values.name.trim() }, throwOnError: true });
      await refresh();
      toast({ message: "Your name is changed.", color: "green" });
    },
  });
  return (
    <Card title="Name" flush>
      <form onSubmit={onSubmit} noValidate className={classes.form}>
        <FormFault text={rest} />
        <TextInput
          label="Your name"
          maxLength={200}
          autoComplete="name"
          {...form.getInputProps("name")}
        />
        <Button type="submit" variant="default" loading={busy} disabled={!form.isDirty()}>
          Change it
        </Button>
      </form>
    </Card>
  );
}

export function Password() {
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { current: "", new: "" },
    validate: checks.PasswordSet,
    send: async (values) => {
      await passwordSet({ body: values, throwOnError: true });
      form.reset();
      toast({ message: "The password is changed; other sessions have ended.", color: "green" });
    },
  });
  const toggle = { visibilityToggleButtonProps: { "aria-label": "Show the password" } };
  return (
    <Card title="Password" flush>
      <form onSubmit={onSubmit} noValidate className={classes.form}>
        <FormFault text={rest} />
        <PasswordInput
          label="Present password"
          autoComplete="current-password"
          maxLength={256}
          w={220}
          {...toggle}
          {...form.getInputProps("current")}
        />
        <PasswordInput
          label="New password"
          autoComplete="new-password"
          maxLength={256}
          w={220}
          {...toggle}
          {...form.getInputProps("new")}
        />
        <Button type="submit" variant="default" loading={busy}>
          Change it
        </Button>
      </form>
    </Card>
  );
}
