// Sign-in by e-mail and password.

import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { Navigate, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useSession } from "../../api/hooks";
import { refresh } from "../../api/session";
import { signIn } from "../../api/signin";
import { Outside } from "../../app/Outside";
import { FaultBox } from "../../components/FaultBox";
import { FormFault } from "../../components/FormFault";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

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
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { email: "", password: "" },
    validate: checks.Login,
    send: async ({ email, password }) => {
      await signIn(email.trim(), password);
      await navigate({ href: next, replace: true });
    },
  });
  useEffect(() => {
    if (session.status === "unknown") refresh().catch(setDown);
  }, [session.status]);
  if (session.status === "signed-in" && !busy) return <Navigate to={next} replace />;
  return (
    <Outside title="Sign in" sub="With the e-mail address and password of your account.">
      <form onSubmit={onSubmit} noValidate>
        <Stack gap="md">
          {down !== undefined && session.status === "unknown" && <FaultBox error={down} />}
          <FormFault text={rest} />
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            maxLength={254}
            data-autofocus
            {...form.getInputProps("email")}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
            {...form.getInputProps("password")}
          />
          <Button type="submit" loading={busy} fullWidth size="md">
            Sign in
          </Button>
          <details>
            <summary>Password forgotten?</summary>
            <p>
              An admin of your team makes a link for you, under Team, Members. The only owner makes
              one on the server: <code>segue admin reset-password {"<e-mail>"}</code>
            </p>
          </details>
        </Stack>
      </form>
    </Outside>
  );
}
