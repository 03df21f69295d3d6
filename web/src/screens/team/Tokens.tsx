// Every token of the team: people's own and those of pipelines.

import { Button, Checkbox, Group, NativeSelect, TextInput } from "@mantine/core";
import { type TeamToken, teamTokenCreate, teamTokenDelete } from "@segue/client";
import { appListOptions, teamTokenListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTeam, useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card, Empty, Table } from "../../components/Card";
import { Command } from "../../components/Command";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { FormFault } from "../../components/FormFault";
import { required, useApiForm } from "../../lib/form";
import own from "../account/account.module.css";

const SCOPES = ["read", "deploy", "write"] as const;

export function TeamTokens() {
  const team = useTeam();
  const path = { team: team.name };
  const why = useWhyNot()("members");
  const list = useQuery({
    ...teamTokenListOptions({ path, query: { limit: 100 } }),
    enabled: !why,
  });
  const apps = useQuery(appListOptions({ path, query: { limit: 100 } }));
  const [made, setMade] = useState<TeamToken>();
  const [revoking, setRevoking] = useState<TeamToken>();
  const [scopes, setScopes] = useState<string[]>(["read", "deploy"]);
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { name: "", app: "", address_ranges: "", expires_in_days: "90" },
    validate: { name: required("the token a name") },
    send: async (values) => {
      const ranges = values.address_ranges.split(/[\s,]+/).filter(Boolean);
      const { data } = await teamTokenCreate({
        path,
        body: {
          name: values.name.trim(),
          role: "deployer",
          scopes,
          app: values.app || undefined,
          address_ranges: ranges.length > 0 ? ranges : undefined,
          expires_in_days: Number(values.expires_in_days),
        },
        throwOnError: true,
      });
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
      <Card title="Tokens of the team" flush>
        {why && <Empty>{why}</Empty>}
        {list.isError && <FaultBox error={list.error} onRetry={() => list.refetch()} />}
        {list.isSuccess && items.length === 0 && <Empty>No token yet.</Empty>}
        {items.length > 0 && (
          <Table label="Tokens of the team" head={["Token", "May", "Made by", "Used", "Ends", ""]}>
            {items.map((token) => (
              <tr key={token.id}>
                <td>
                  <strong>{token.name}</strong>
                  <div className={classes.reason}>
                    {token.prefix}… · {token.role}
                    {token.app && " · one app"}
                  </div>
                </td>
                <td>
                  {token.scopes.join(", ")}
                  {token.address_ranges.length > 0 && (
                    <div className={classes.reason}>from {token.address_ranges.join(", ")}</div>
                  )}
                </td>
                <td>{token.created_by_name}</td>
                <td>{token.used_at ? <Ago at={token.used_at} /> : "never"}</td>
                <td>
                  <Ago at={token.expires_at} />
                </td>
                <td>
                  <Act
                    size="compact-sm"
                    variant="subtle"
                    color="red"
                    why={why}
                    onClick={() => setRevoking(token)}
                    aria-label={`Revoke ${token.name}`}
                  >
                    Revoke
                  </Act>
                </td>
              </tr>
            ))}
          </Table>
        )}
        <form onSubmit={onSubmit} noValidate className={own.form}>
          <FormFault text={rest} />
          <TextInput
            label="Name of a deploy token"
            maxLength={120}
            autoComplete="off"
            {...form.getInputProps("name")}
          />
          <NativeSelect
            label="For"
            data={[
              { value: "", label: "every app" },
              ...(apps.data?.items ?? []).map((app) => ({ value: app.name, label: app.name })),
            ]}
            {...form.getInputProps("app")}
          />
          <TextInput
            label="From addresses"
            placeholder="everywhere"
            autoComplete="off"
            {...form.getInputProps("address_ranges")}
          />
          <NativeSelect
            label="Good for"
            data={[
              { value: "7", label: "7 days" },
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
          <Act
            type="submit"
            why={why ?? (scopes.length === 0 ? "Choose what it may." : undefined)}
            loading={busy}
          >
            Make a token
          </Act>
        </form>
      </Card>
      <Confirm
        opened={revoking !== undefined}
        onClose={() => setRevoking(undefined)}
        title={`Revoke ${revoking?.name}?`}
        deed="Revoke it"
        onConfirm={async () => {
          await teamTokenDelete({
            path: { ...path, token: revoking?.id ?? "" },
            throwOnError: true,
          });
          await list.refetch();
        }}
      >
        Whatever uses it is refused from the next request on. This cannot be taken back.
      </Confirm>
    </>
  );
}
