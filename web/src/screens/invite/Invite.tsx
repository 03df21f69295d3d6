// An invitation, opened by its link. The token stands behind the `#`, which browsers send to nobody.

import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type InvitationShown, invitationAccept, invitationShow } from "@segue/client";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useSession } from "../../api/hooks";
import { refresh, signOut } from "../../api/session";
import { signIn } from "../../api/signin";
import { Outside } from "../../app/Outside";
import { FaultBox } from "../../components/FaultBox";
import { FormFault } from "../../components/FormFault";
import { Loading } from "../../components/Loading";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { takeHash } from "../../lib/taken";

function where(shown: InvitationShown): string {
  if (!shown.app) return `team ${shown.team}`;
  return `${shown.app}${shown.environment ? ` ${shown.environment}` : ""} of team ${shown.team}`;
}

export function Invite() {
  const [token] = useState(() => takeHash("/invite"));
  const session = useSession();
  const [shown, setShown] = useState<InvitationShown>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    refresh().catch(() => undefined);
    if (!token) return;
    invitationShow({ body: { token }, throwOnError: true })
      .then(({ data }) => setShown(data))
      .catch(setError);
  }, [token]);
  if (!token) {
    return (
      <Outside
        title="The link is not complete"
        sub="Open the whole link that you were given, or ask for a new one."
      >
        <a href="/login">Sign in</a>
      </Outside>
    );
  }
  if (error !== undefined) {
    return (
      <Outside title="The invitation is not valid">
        <FaultBox error={error} />
      </Outside>
    );
  }
  if (!shown) {
    return (
      <Outside title="Invitation">
        <Loading />
      </Outside>
    );
  }
  const signedIn = session.status === "signed-in" ? session.user.email : undefined;
  return (
    <Outside
      title={`Join ${shown.team}`}
      sub={`${shown.invited_by} invites ${shown.email} to ${where(shown)} as ${shown.role}.`}
    >
      {signedIn && signedIn !== shown.email ? (
        <Stack gap="md">
          <FormFault
            text={`You are signed in as ${signedIn}; the invitation is for ${shown.email}.`}
          />
          <Button onClick={() => void signOut()}>Sign out</Button>
        </Stack>
      ) : (
        <Accept token={token} shown={shown} signedIn={signedIn !== undefined} />
      )}
    </Outside>
  );
}

function Accept({
  token,
  shown,
  signedIn,
}: {
  token: string;
  shown: InvitationShown;
  signedIn: boolean;
}) {
  const navigate = useNavigate();
  const known = shown.account_exists;
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { name: "", password: "" },
    validate: known
      ? signedIn
        ? {}
        : { password: checks.Login.password }
      : checks.InvitationAccept,
    send: async ({ name, password }) => {
      if (known && !signedIn) await signIn(shown.email, password);
      const body = known ? { token } : { token, name: name.trim() || undefined, password };
      const { data } = await invitationAccept({ body, throwOnError: true });
      if (known) await refresh();
      else await signIn(shown.email, password);
      await navigate({ to: "/apps", search: { team: data.team }, replace: true });
    },
  });
  return (
    <form onSubmit={onSubmit} noValidate>
      <Stack gap="md">
        <FormFault text={rest} />
        <TextInput label="E-mail" value={shown.email} readOnly autoComplete="username" />
        {!known && (
          <TextInput
            label="Your name"
            description="Shown to the team; may be left empty."
            maxLength={100}
            autoComplete="name"
            {...form.getInputProps("name")}
          />
        )}
        {!(known && signedIn) && (
          <PasswordInput
            label="Password"
            description={
              known ? "That of your account." : "At least 10 characters; for a new account."
            }
            autoComplete={known ? "current-password" : "new-password"}
            maxLength={256}
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
            {...form.getInputProps("password")}
          />
        )}
        <Button type="submit" loading={busy} fullWidth size="md">
          Join {shown.team}
        </Button>
      </Stack>
    </form>
  );
}
