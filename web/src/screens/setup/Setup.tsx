// The first person and the first team, by the one-time link that the server printed.

import { Button, Stack, TextInput } from "@mantine/core";
import { setupCreate } from "@segue/client";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { adopt } from "../../api/session";
import { Outside } from "../../app/Outside";
import { Command } from "../../components/Command";
import { Form } from "../../components/Form";
import { PasswordField } from "../../components/PasswordField";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { takeQuery } from "../../lib/taken";

export function Setup() {
  const [token] = useState(() => takeQuery("/setup", "token"));
  const navigate = useNavigate();
  const handle = useApiForm({
    initial: { email: "", name: "", password: "", team: "" },
    validate: checks.SetupCreate,
    send: async (values) => {
      const { data } = await setupCreate({
        body: { token, ...values, email: values.email.trim() },
        throwOnError: true,
      });
      adopt(data.signed_in);
      await navigate({ to: "/apps", replace: true });
    },
  });
  const { form, busy } = handle;
  if (!token) {
    return (
      <Outside
        title="The link is not complete"
        sub="Open the whole link that the server printed, or print a new one on the server:"
      >
        <Command text="segue admin setup-link" />
      </Outside>
    );
  }
  return (
    <Outside
      title="Set up Segue"
      sub="The first account owns this installation and its first team."
    >
      <Form of={handle}>
        <Stack gap="md">
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            data-autofocus
            {...form.getInputProps("email")}
          />
          <TextInput
            label="Your name"
            description="Shown to your team; may be left empty."
            autoComplete="name"
            {...form.getInputProps("name")}
          />
          <PasswordField
            label="Password"
            description="At least 10 characters."
            autoComplete="new-password"
            {...form.getInputProps("password")}
          />
          <TextInput
            label="Team"
            description="Small letters, digits and dashes: acme."
            autoComplete="off"
            {...form.getInputProps("team")}
          />
          <Button type="submit" loading={busy} fullWidth size="md">
            Create the owner account
          </Button>
        </Stack>
      </Form>
    </Outside>
  );
}
