// A list of tokens with a form for another one; the same for a person's own and for a team's.

import { Checkbox, Group, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { Once } from "../../components/Once";
import { Status } from "../../components/Status";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

/** What is shown of a token, whoever it belongs to. */
export interface Shown {
  id: string;
  name: string;
  prefix: string;
  role: string;
  scopes: string[];
  app?: string;
  address_ranges: string[];
  created_by_name?: string;
  used_at?: string;
  expires_at: string;
  revoked_at?: string;
  token?: string;
}

/** What the form says. */
export interface Wish {
  name: string;
  scopes: string[];
  app?: string;
  address_ranges?: string[];
  expires_in_days: number;
}

export interface TokenCardProps {
  title: string;
  /** Said where there is none. */
  none: string;
  list: {
    data?: { items: Shown[] };
    isPending: boolean;
    isError: boolean;
    error: unknown;
    refetch: () => Promise<unknown>;
  };
  /** Why the list is not shown and nothing is changed. */
  why?: string;
  scopes: readonly string[];
  /** Ids and names of the apps that a token may be bound to. */
  apps?: { id: string; name: string }[];
  /** The label of the name's field. */
  label: string;
  onMake: (wish: Wish) => Promise<Shown>;
  onRevoke: (token: Shown) => Promise<unknown>;
}

const LIVES = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "a year" },
];

export function TokenCard(props: TokenCardProps) {
  const { title, list, why, apps } = props;
  const [made, setMade] = useState<Shown>();
  const [revoking, setRevoking] = useState<Shown>();
  const handle = useApiForm({
    initial: {
      scopes: ["read", "deploy"],
      name: "",
      app: "",
      address_ranges: "",
      expires_in_days: "90",
    },
    validate: {
      ...checks.TokenCreate,
      scopes: (value) => (value.length === 0 ? "Choose what it may." : null),
    },
    why,
    send: async (values) => {
      const ranges = values.address_ranges.split(/[\s,]+/).filter(Boolean);
      const token = await props.onMake({
        name: values.name.trim(),
        scopes: values.scopes,
        app: values.app || undefined,
        address_ranges: ranges.length > 0 ? ranges : undefined,
        expires_in_days: Number(values.expires_in_days),
      });
      setMade(token);
      form.reset();
      await list.refetch();
    },
  });
  const { form, busy } = handle;
  const items = (list.data?.items ?? []).filter((token) => !token.revoked_at);
  const appName = (id: string) => apps?.find((one) => one.id === id)?.name ?? "one app";
  return (
    <>
      {made && (
        <Once
          title={`${made.name} is made.`}
          parts={[["The token", made.token]]}
          onDone={() => setMade(undefined)}
        />
      )}
      <Card title={title} flush>
        <Listing
          of={list}
          count={items.length}
          why={why}
          none={props.none}
          label={title}
          head={["Token", "May", "Used", "Ends", ""]}
        >
          {items.map((token) => (
            <tr key={token.id}>
              <td>
                <strong>{token.name}</strong>
                <div className={classes.reason}>
                  {token.prefix}… · {token.role}
                  {token.app && ` · ${appName(token.app)}`}
                  {token.created_by_name && ` · by ${token.created_by_name}`}
                </div>
              </td>
              <td>
                {token.scopes.join(", ")}
                {token.address_ranges.length > 0 && (
                  <div className={classes.reason}>from {token.address_ranges.join(", ")}</div>
                )}
              </td>
              <td>{token.used_at ? <Ago at={token.used_at} /> : "never"}</td>
              <td>
                {Date.parse(token.expires_at) < Date.now() ? (
                  <Status tone="idle">ended</Status>
                ) : (
                  <Ago at={token.expires_at} />
                )}
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
        </Listing>
        <Form of={handle} className={classes.form}>
          <TextInput label={props.label} autoComplete="off" {...form.getInputProps("name")} />
          {apps && (
            <NativeSelect
              label="For"
              data={[
                { value: "", label: "every app" },
                ...apps.map((app) => ({ value: app.id, label: app.name })),
              ]}
              {...form.getInputProps("app")}
            />
          )}
          <TextInput
            label="From addresses"
            placeholder="everywhere"
            autoComplete="off"
            {...form.getInputProps("address_ranges")}
          />
          <NativeSelect label="Good for" data={LIVES} {...form.getInputProps("expires_in_days")} />
          <Checkbox.Group label="It may" {...form.getInputProps("scopes")}>
            <Group gap="md" mt={4}>
              {props.scopes.map((scope) => (
                <Checkbox key={scope} value={scope} label={scope} />
              ))}
            </Group>
          </Checkbox.Group>
          <Act type="submit" why={why} loading={busy}>
            Make a token
          </Act>
        </Form>
      </Card>
      <Confirm
        opened={revoking !== undefined}
        onClose={() => setRevoking(undefined)}
        title={`Revoke ${revoking?.name}?`}
        deed="Revoke it"
        onConfirm={async () => {
          if (revoking) await props.onRevoke(revoking);
          await list.refetch();
        }}
      >
        Whatever uses it is refused from the next request on: command lines, scripts, pipelines.
        This cannot be taken back.
      </Confirm>
    </>
  );
}
