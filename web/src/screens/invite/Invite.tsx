// An invitation, opened by its link. The token stands behind the `#`, which browsers send to nobody.

import { Button, Stack, TextInput } from "@mantine/core";
import { type InvitationShown, invitationAccept, invitationShow } from "@segue/client";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { useSession } from "../../api/hooks";
import { worthRetry } from "../../api/problem";
import { refresh, signOut } from "../../api/session";
import { signIn } from "../../api/signin";
import { Outside } from "../../app/Outside";
import { FaultBox } from "../../components/FaultBox";
import { Form } from "../../components/Form";
import { FormFault } from "../../components/FormFault";
import { Loading } from "../../components/Loading";
import { PasswordField } from "../../components/PasswordField";
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
  const look = useCallback(() => {
    setError(undefined);
    invitationShow({ body: { token }, throwOnError: true })
      .then(({ data }) => setShown(data))
      .catch(setError);
  }, [token]);
  useEffect(() => {
    refresh().catch(() => undefined);
    if (token) look();
  }, [token, look]);
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
      <Outside title={worthRetry(error) ? "Invitation" : "The invitation is not valid"}>
        <FaultBox error={error} onRetry={worthRetry(error) ? look : undefined} />
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
  /** The team, once the link was used: whatever fails after that is tried again without it. */
  const joined = useRef<string>(undefined);
  const known = shown.account_exists;
  const handle = useApiForm({
    initial: { name: "", password: "" },
    validate: known
      ? signedIn
        ? {}
        : { password: checks.Login.password }
      : checks.InvitationAccept,
    send: async ({ name, password }) => {
      if (known && !signedIn) await signIn(shown.email, password);
      if (joined.current === undefined) {
        const body = known ? { token } : { token, name: name.trim() || undefined, password };
        const { data } = await invitationAccept({ body, throwOnError: true });
        joined.current = data.team;
      }
      if (known) await refresh();
      else await signIn(shown.email, password);
      await navigate({ to: "/apps", search: { team: joined.current }, replace: true });
    },
  });
  const { form, busy } = handle;
  return (
    <Form of={handle}>
      <Stack gap="md">
        <TextInput label="E-mail" value={shown.email} readOnly autoComplete="username" />
        {!known && (
          <TextInput
            label="Your name"
            description="Shown to the team; may be left empty."
            autoComplete="name"
            {...form.getInputProps("name")}
          />
        )}
        {!(known && signedIn) && (
          <PasswordField
            label="Password"
            description={
              known ? "That of your account." : "At least 10 characters; for a new account."
            }
            autoComplete={known ? "current-password" : "new-password"}
            {...form.getInputProps("password")}
          />
        )}
        <Button type="submit" loading={busy} fullWidth size="md">
          Join {shown.team}
        </Button>
      </Stack>
    </Form>
  );
}
