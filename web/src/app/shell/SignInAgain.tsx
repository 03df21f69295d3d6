// The session ended while somebody sat here: they sign in again, and what they typed is still there. Until then the page
// behind is hidden and cannot be reached; what it asked for waits.

import { Button, Stack, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { forget } from "../../api/session";
import { signIn } from "../../api/signin";
import { Form } from "../../components/Form";
import { PasswordField } from "../../components/PasswordField";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import classes from "./shell.module.css";

export default function SignInAgain({ email }: { email: string }) {
  const handle = useApiForm({
    initial: { password: "" },
    validate: { password: checks.Login.password },
    send: ({ password }) => signIn(email, password),
  });
  // Dialogs are outside of the frame; they come back as they were.
  useEffect(() => {
    const portals = [...document.querySelectorAll<HTMLElement>("[data-portal]")];
    for (const one of portals) one.inert = true;
    return () => {
      for (const one of portals) one.inert = false;
    };
  }, []);
  return (
    <main className={classes.again}>
      <div className={classes.box}>
        <h1>Sign in again</h1>
        <p>
          Your session has ended. What you typed is still here, and what you sent last goes on when
          you are signed in.
        </p>
        <Form of={handle}>
          <Stack gap="md">
            <TextInput label="E-mail" value={email} readOnly autoComplete="username" />
            <PasswordField
              label="Password"
              autoComplete="current-password"
              autoFocus
              {...handle.form.getInputProps("password")}
            />
            <Button type="submit" loading={handle.busy} fullWidth size="md">
              Sign in
            </Button>
            <Button variant="subtle" color="gray" fullWidth onClick={forget}>
              Leave, and drop what was typed
            </Button>
          </Stack>
        </Form>
      </div>
    </main>
  );
}
