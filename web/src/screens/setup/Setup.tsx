// The first person and the first team, by the one-time link that the server printed.

import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { setupCreate } from "@segue/client";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { adopt } from "../../api/session";
import { Outside } from "../../app/Outside";
import { Command } from "../../components/Command";
import { FormFault } from "../../components/FormFault";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { takeQuery } from "../../lib/taken";

export function Setup() {
  const [token] = useState(() => takeQuery("/setup", "token"));
  const navigate = useNavigate();
  const { form, busy, rest, onSubmit } = useApiForm({
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
      <form onSubmit={onSubmit} noValidate>
        <Stack gap="md">
          <FormFault text={rest} />
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            maxLength={254}
            data-autofocus
            {...form.getInputProps("email")}
          />
          <TextInput
            label="Your name"
            description="Shown to your team; may be left empty."
            autoComplete="name"
            maxLength={100}
            {...form.getInputProps("name")}
          />
          <PasswordInput
            label="Password"
            description="At least 10 characters."
            autoComplete="new-password"
            maxLength={256}
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
            {...form.getInputProps("password")}
          />
          <TextInput
            label="Team"
            description="Small letters, digits and dashes: acme."
            autoComplete="off"
            maxLength={60}
            {...form.getInputProps("team")}
          />
          <Button type="submit" loading={busy} fullWidth size="md">
            Create the owner account
          </Button>
        </Stack>
      </form>
    </Outside>
  );
}
