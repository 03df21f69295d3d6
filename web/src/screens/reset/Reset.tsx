// A new password by a one-time link. The token stands behind the `#`, which browsers send to nobody.

import { Button, Stack } from "@mantine/core";
import { resetUse } from "@segue/client";
import { useState } from "react";
import { forget } from "../../api/session";
import { Outside } from "../../app/Outside";
import { Form } from "../../components/Form";
import { PasswordField } from "../../components/PasswordField";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { takeHash } from "../../lib/taken";

export function Reset() {
  const [token] = useState(() => takeHash("/reset"));
  const [done, setDone] = useState(false);
  const handle = useApiForm({
    initial: { password: "", again: "" },
    validate: {
      password: checks.ResetUse.password,
      again: (value, { password }) => (value === password ? null : "The two are not alike."),
    },
    send: async ({ password }) => {
      await resetUse({ body: { token, password }, throwOnError: true });
      // Every session of the person has ended, one in this browser too.
      forget();
      setDone(true);
    },
  });
  const { form, busy } = handle;
  if (!token) {
    return (
      <Outside
        title="The link is not complete"
        sub="Open the whole link that you were given, or ask an admin of your team for a new one."
      >
        <a href="/login">Sign in</a>
      </Outside>
    );
  }
  if (done) {
    return (
      <Outside
        title="The password is set"
        sub="You are signed out everywhere, command lines too; tokens that you made by hand stay."
      >
        <a href="/login">Sign in</a>
      </Outside>
    );
  }
  return (
    <Outside title="Set a new password" sub="The link is good once, and for an hour.">
      <Form of={handle}>
        <Stack gap="md">
          <PasswordField
            label="New password"
            description="At least 10 characters."
            autoComplete="new-password"
            data-autofocus
            {...form.getInputProps("password")}
          />
          <PasswordField
            label="Once more"
            autoComplete="new-password"
            {...form.getInputProps("again")}
          />
          <Button type="submit" loading={busy} fullWidth size="md">
            Set the password
          </Button>
        </Stack>
      </Form>
    </Outside>
  );
}
