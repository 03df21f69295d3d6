// A command line asks to be signed in: which one, from where, and the answer.

import { Button, Group, NativeSelect, Stack, TextInput } from "@mantine/core";
import { type Device as Asking, deviceConfirm, deviceGet } from "@segue/client";
import { useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useSession } from "../../api/hooks";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { FaultBox } from "../../components/FaultBox";
import { Form } from "../../components/Form";
import { Page } from "../../components/Page";
import { useApiForm } from "../../lib/form";
import classes from "./device.module.css";

/** As people type it: small letters, spaces or no dash. */
export function tidyCode(text: string): string {
  const letters = text.toUpperCase().replace(/[^A-Z0-9]/g, "");
  return letters.length > 4 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters;
}

export function Device() {
  const search = useSearch({ strict: false }) as { code?: string };
  const session = useSession();
  const teams = session.status === "signed-in" ? session.teams : [];
  const [asking, setAsking] = useState<Asking>();
  const [done, setDone] = useState<"approved" | "denied">();
  const [team, setTeam] = useState(teams[0]?.name ?? "");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const look = async (code: string) => {
    const { data } = await deviceGet({ path: { user_code: code }, throwOnError: true });
    setAsking(data);
  };
  const handle = useApiForm({
    initial: { user_code: search.code ?? "" },
    validate: {
      user_code: (code) =>
        tidyCode(code).length !== 9 ? "Eight letters, as the command line shows them." : null,
    },
    codes: { not_found: "user_code", expired_token: "user_code" },
    send: ({ user_code }) => look(tidyCode(user_code)),
  });
  const { form, busy: looking } = handle;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a code in the address is looked up once
  useEffect(() => {
    if (search.code) look(tidyCode(search.code)).catch(setError);
  }, []);
  const decide = async (approve: boolean) => {
    if (!asking) return;
    setBusy(true);
    setError(undefined);
    try {
      const body = { user_code: asking.user_code, approve, team: approve ? team : undefined };
      await deviceConfirm({ body, throwOnError: true });
      setDone(approve ? "approved" : "denied");
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Page
      title="Sign in a command line"
      name="Device"
      sub="The code that it shows proves that you sit in front of it"
      command={`segue login --server ${window.location.origin}`}
    >
      {error !== undefined && <FaultBox error={error} />}
      {done && (
        <Card title={done === "approved" ? "Signed in" : "Refused"}>
          {done === "approved"
            ? "The command line goes on by itself within a few seconds. You may close this page."
            : "The command line was told; it has no access."}
        </Card>
      )}
      {!done && !asking && (
        <Card title="Enter the code">
          <Form of={handle} className={classes.form}>
            <TextInput
              label="Code"
              placeholder="WDJB-MJHT"
              autoComplete="off"
              spellCheck={false}
              data-autofocus
              {...form.getInputProps("user_code")}
            />
            <Button type="submit" loading={looking}>
              Go on
            </Button>
          </Form>
        </Card>
      )}
      {!done && asking && (
        <Card title="Is this you?">
          <Stack gap="md">
            <dl className={classes.facts}>
              <dt>Code</dt>
              <dd className="mono">{asking.user_code}</dd>
              <dt>Program</dt>
              <dd>{asking.client_name}</dd>
              <dt>From address</dt>
              <dd>{asking.address ?? "not known"}</dd>
              <dt>Asked</dt>
              <dd>
                <Ago at={asking.created_at} />
              </dd>
            </dl>
            <NativeSelect
              label="For team"
              description="It gets a token of this team with your role."
              data={teams.map((one) => one.name)}
              value={team}
              onChange={(event) => setTeam(event.currentTarget.value)}
            />
            <Group gap="sm">
              <Button loading={busy} onClick={() => void decide(true)}>
                Sign it in
              </Button>
              <Button variant="default" loading={busy} onClick={() => void decide(false)}>
                Refuse
              </Button>
            </Group>
          </Stack>
        </Card>
      )}
    </Page>
  );
}
