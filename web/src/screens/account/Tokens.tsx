// API tokens of the person.

import { Button, Checkbox, Group, NativeSelect, TextInput } from "@mantine/core";
import { type Token, tokenCreate, tokenDelete } from "@segue/client";
import { tokenListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Ago } from "../../components/Ago";
import { Card, Empty, Table } from "../../components/Card";
import { Command } from "../../components/Command";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { FormFault } from "../../components/FormFault";
import { Loading } from "../../components/Loading";
import { Status } from "../../components/Status";
import { required, useApiForm } from "../../lib/form";
import own from "./account.module.css";

const SCOPES = ["read", "deploy", "write", "admin"] as const;

export function Tokens({ team }: { team: string }) {
  const list = useQuery(tokenListOptions({ query: { team } }));
  const [made, setMade] = useState<Token>();
  const [revoking, setRevoking] = useState<Token>();
  const [scopes, setScopes] = useState<string[]>(["read", "deploy"]);
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { name: "", expires_in_days: "90" },
    validate: { name: required("the token a name") },
    send: async ({ name, expires_in_days }) => {
      const body = { name: name.trim(), scopes, expires_in_days: Number(expires_in_days) };
      const { data } = await tokenCreate({ query: { team }, body, throwOnError: true });
      setMade(data);
      form.reset();
      await list.refetch();
    },
  });
  const items = (list.data?.items ?? []).filter((token) => !token.revoked_at);
  return (
    <>
      {made?.token && (
        <div className={own.made} role="status">
          <strong>{made.name} is made.</strong> This is its only showing; copy it now.
          <Command text={made.token} label="The token" />
          <Button size="compact-sm" variant="default" onClick={() => setMade(undefined)}>
            I have it
          </Button>
        </div>
      )}
      <Card title="API tokens" flush>
        {list.isPending && <Loading />}
        {list.isError && <FaultBox error={list.error} onRetry={() => list.refetch()} />}
        {list.isSuccess && items.length === 0 && (
          <Empty>No token. The command line makes one when you sign in.</Empty>
        )}
        {items.length > 0 && (
          <Table label="API tokens" head={["Token", "Scopes", "Used", "Ends", ""]}>
            {items.map((token) => (
              <tr key={token.id}>
                <td>
                  <strong>{token.name}</strong>
                  <div className={classes.reason}>
                    {token.prefix}… · {token.role}
                  </div>
                </td>
                <td>{token.scopes.join(", ")}</td>
                <td>{token.used_at ? <Ago at={token.used_at} /> : "never"}</td>
                <td>
                  {Date.parse(token.expires_at) < Date.now() ? (
                    <Status tone="idle">ended</Status>
                  ) : (
                    <Ago at={token.expires_at} />
                  )}
                </td>
                <td>
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    color="red"
                    onClick={() => setRevoking(token)}
                    aria-label={`Revoke ${token.name}`}
                  >
                    Revoke
                  </Button>
                </td>
              </tr>
            ))}
          </Table>
        )}
        <form onSubmit={onSubmit} noValidate className={own.form}>
          <FormFault text={rest} />
          <TextInput
            label="Name of a new token"
            maxLength={100}
            autoComplete="off"
            {...form.getInputProps("name")}
          />
          <NativeSelect
            label="Good for"
            data={[
              { value: "7", label: "7 days" },
              { value: "30", label: "30 days" },
              { value: "90", label: "90 days" },
              { value: "365", label: "a year" },
            ]}
            {...form.getInputProps("expires_in_days")}
          />
          <Checkbox.Group label="It may" value={scopes} onChange={setScopes}>
            <Group gap="md" mt={4}>
              {SCOPES.map((scope) => (
                <Checkbox key={scope} value={scope} label={scope} />
              ))}
            </Group>
          </Checkbox.Group>
          <Button type="submit" loading={busy} disabled={scopes.length === 0}>
            Make a token
          </Button>
        </form>
      </Card>
      <Confirm
        opened={revoking !== undefined}
        onClose={() => setRevoking(undefined)}
        title={`Revoke ${revoking?.name}?`}
        deed="Revoke it"
        onConfirm={async () => {
          await tokenDelete({
            query: { team },
            path: { token: revoking?.id ?? "" },
            throwOnError: true,
          });
          await list.refetch();
        }}
      >
        Whatever uses it is refused from the next request on: command lines, scripts, pipelines.
        This cannot be taken back.
      </Confirm>
    </>
  );
}
