// Accounts at private registries and git servers. Passwords are sealed and shown to nobody.

import { NativeSelect, TextInput } from "@mantine/core";
import { type Registry, type RegistryKind, registryCreate, registryDelete } from "@segue/client";
import { registryListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTeam, useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { PasswordField } from "../../components/PasswordField";
import { toast } from "../../components/toast";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { TeamPage } from "./TeamPage";

const KINDS: Record<RegistryKind, string> = {
  registry: "images of a registry",
  git: "repositories and states of commits",
};

export function Credentials() {
  const team = useTeam();
  const path = { team: team.name };
  const why = useWhyNot()("credentials");
  const list = useQuery(registryListOptions({ path, query: { limit: 100 } }));
  const [removing, setRemoving] = useState<Registry>();
  const handle = useApiForm({
    initial: { kind: "registry", host: "", username: "", password: "" },
    validate: checks.RegistryCreate,
    why,
    send: async ({ kind, host, username, password }) => {
      const body = {
        kind: kind as RegistryKind,
        host: host.trim(),
        username: username.trim(),
        password,
      };
      await registryCreate({ path, body, throwOnError: true });
      form.reset();
      toast({ message: `The account at ${body.host} is kept, sealed.`, color: "green" });
      await list.refetch();
    },
  });
  const { form, busy } = handle;
  const items = list.data?.items ?? [];
  return (
    <TeamPage title="Credentials" command={`segue credentials list -t ${team.name}`}>
      <Card title="Accounts elsewhere" flush>
        <Listing
          of={list}
          count={items.length}
          none="None. Private images and repositories need one; public ones are fetched without."
          label="Accounts elsewhere"
          head={["Host", "For", "Account", "Kept by", "When", ""]}
        >
          {items.map((one) => (
            <tr key={one.id}>
              <td>
                <strong>{one.host}</strong>
              </td>
              <td>{KINDS[one.kind] ?? one.kind}</td>
              <td>{one.username}</td>
              <td>{one.created_by}</td>
              <td>
                <Ago at={one.created_at} />
              </td>
              <td>
                <Act
                  size="compact-sm"
                  variant="subtle"
                  color="red"
                  why={why}
                  onClick={() => setRemoving(one)}
                  aria-label={`Remove the account at ${one.host}`}
                >
                  Remove
                </Act>
              </td>
            </tr>
          ))}
        </Listing>
        <Form of={handle} className={classes.form}>
          <NativeSelect
            label="For"
            data={Object.entries(KINDS).map(([value, label]) => ({ value, label }))}
            {...form.getInputProps("kind")}
          />
          <TextInput
            label="Host"
            placeholder="ghcr.io"
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps("host")}
          />
          <TextInput
            label="Account"
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps("username")}
          />
          <PasswordField
            label="Password or token"
            autoComplete="new-password"
            w={220}
            {...form.getInputProps("password")}
          />
          <Act type="submit" why={why} loading={busy}>
            Keep it
          </Act>
        </Form>
      </Card>
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Remove the account at ${removing?.host}?`}
        deed="Remove it"
        onConfirm={async () => {
          await registryDelete({
            path: { ...path, registry: removing?.id ?? "" },
            throwOnError: true,
          });
          await list.refetch();
        }}
      >
        What runs goes on. New images of {removing?.host} cannot be pulled with it any more, and
        private repositories there cannot be fetched.
      </Confirm>
    </TeamPage>
  );
}
