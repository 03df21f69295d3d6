// Sign-in by e-mail and password.

import { Button, Stack, TextInput } from "@mantine/core";
import { Navigate, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useState } from "react";
import { useSession } from "../../api/hooks";
import { refresh } from "../../api/session";
import { signIn } from "../../api/signin";
import { Outside } from "../../app/Outside";
import { FaultBox } from "../../components/FaultBox";
import { Form } from "../../components/Form";
import { PasswordField } from "../../components/PasswordField";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { Forgotten } from "./Forgotten";

/** Only addresses of this page: nobody is sent elsewhere by a link. */
export function safeNext(next: string | undefined): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\")
    ? next
    : "/apps";
}

export function Login() {
  const session = useSession();
  const search = useSearch({ strict: false }) as { next?: string };
  const navigate = useNavigate();
  const next = safeNext(search.next);
  const [down, setDown] = useState<unknown>();
  const handle = useApiForm({
    initial: { email: "", password: "" },
    validate: checks.Login,
    send: async ({ email, password }) => {
      await signIn(email.trim(), password);
      await navigate({ href: next, replace: true });
    },
  });
  const { form, busy } = handle;
  const look = useCallback(() => {
    setDown(undefined);
    refresh().catch(setDown);
  }, []);
  useEffect(() => {
    if (session.status === "unknown") look();
  }, [session.status, look]);
  if (session.status === "signed-in" && !busy) return <Navigate to={next} replace />;
  return (
    <Outside title="Sign in" sub="With the e-mail address and password of your account.">
      <Form of={handle}>
        <Stack gap="md">
          {down !== undefined && session.status === "unknown" && (
            <FaultBox error={down} onRetry={look} />
          )}
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            data-autofocus
            {...form.getInputProps("email")}
          />
          <PasswordField
            label="Password"
            autoComplete="current-password"
            {...form.getInputProps("password")}
          />
          <Button type="submit" loading={busy} fullWidth size="md">
            Sign in
          </Button>
        </Stack>
      </Form>
      <Forgotten />
    </Outside>
  );
}
