// Secrets: names, versions, who set them. Values are never read back.

import { Button, Group, PasswordInput, TextInput } from "@mantine/core";
import { secretDelete, secretSet } from "@segue/client";
import { secretListOptions, specGetOptions } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card, Empty, Table } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import { FaultBox } from "../../components/FaultBox";
import { FormFault } from "../../components/FormFault";
import { Loading } from "../../components/Loading";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { toast } from "../../components/toast";
import { keyFault } from "../../lib/dotenv";
import { useApiForm } from "../../lib/form";
import { flags, usePlace, useWhyNotHere } from "../env/place";
import classes from "./secrets.module.css";

export function Secrets() {
  const place = usePlace();
  const why = useWhyNotHere()("secrets");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState<string>();
  const [deploy, setDeploy] = useState(true);
  const list = useQuery(secretListOptions({ path: place }));
  const spec = useQuery(specGetOptions({ path: place }));
  const items = list.data?.items ?? [];
  const missing = Object.entries(spec.data?.spec.config ?? {})
    .filter(([key, one]) => one.secret && one.required && !items.some((item) => item.key === key))
    .map(([key]) => key);
  const after = async (key: string, deployment: number | undefined) => {
    await queries.invalidateQueries({ queryKey: [{ _id: "secretList" }] });
    if (deployment === undefined) {
      toast({
        message: `${key} is set. It takes effect with the next deployment.`,
        color: "green",
      });
      return;
    }
    await navigate({
      to: "/apps/$app/$env/deployments/$number",
      params: { app: place.app, env: place.env, number: String(deployment) },
    });
  };
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { key: "", value: "" },
    validate: {
      key: (key) => keyFault(key.trim()) ?? null,
      value: (value) =>
        value === ""
          ? "Give a value."
          : value.length > 32_768
            ? "At most 32 768 characters."
            : null,
    },
    send: async ({ key, value }) => {
      const path = { ...place, key: key.trim() };
      const { data } = await secretSet({
        path,
        query: { deploy },
        body: { value },
        throwOnError: true,
      });
      form.reset();
      await after(path.key, data.deployment);
    },
  });
  return (
    <Page
      title="Secrets"
      sub={`${place.app} ${place.env} · values are sealed and shown to nobody`}
      command={`segue secret list ${flags(place)}`}
    >
      {missing.length > 0 && (
        <div className={classes.missing} role="status">
          <strong>Missing:</strong> {missing.join(", ")}. segue.toml says that{" "}
          {missing.length === 1 ? "it is" : "they are"} required; no deployment begins without.
        </div>
      )}
      {list.isPending && <Loading />}
      {list.isError && <FaultBox error={list.error} onRetry={() => list.refetch()} />}
      {list.data && (
        <Card title="Secrets" flush>
          {items.length === 0 && <Empty>No secret is set.</Empty>}
          {items.length > 0 && (
            <Table label="Secrets" head={["Key", "Value", "Version", "Set by", "When", ""]}>
              {items.map((secret) => (
                <tr key={secret.key}>
                  <td>
                    <code>{secret.key}</code>
                  </td>
                  <td>
                    <Status tone="idle">sealed</Status>
                  </td>
                  <td>{secret.version}</td>
                  <td>{secret.created_by}</td>
                  <td>
                    <Ago at={secret.created_at} />
                  </td>
                  <td>
                    <Group gap={4} wrap="nowrap" justify="flex-end">
                      <Act
                        size="compact-sm"
                        variant="subtle"
                        why={why}
                        onClick={() => form.setFieldValue("key", secret.key)}
                        aria-label={`Change ${secret.key}`}
                      >
                        Change
                      </Act>
                      <Act
                        size="compact-sm"
                        variant="subtle"
                        color="red"
                        why={why}
                        onClick={() => setRemoving(secret.key)}
                        aria-label={`Remove ${secret.key}`}
                      >
                        Remove
                      </Act>
                    </Group>
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </Card>
      )}
      <Card title="Set a secret">
        <form onSubmit={onSubmit} noValidate className={classes.form}>
          <FormFault text={rest} />
          <TextInput
            label="Key"
            maxLength={200}
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps("key")}
          />
          <PasswordInput
            label="Value"
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": "Show the value" }}
            {...form.getInputProps("value")}
          />
          <Group gap="sm">
            <Act type="submit" why={why} loading={busy} onClick={() => setDeploy(true)}>
              Set and deploy
            </Act>
            <Act
              type="submit"
              why={why}
              variant="default"
              loading={busy}
              onClick={() => setDeploy(false)}
            >
              Set only
            </Act>
            {form.isDirty() && (
              <Button variant="subtle" color="gray" onClick={() => form.reset()}>
                Clear
              </Button>
            )}
          </Group>
        </form>
      </Card>
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Remove ${removing}?`}
        deed="Remove and deploy"
        onConfirm={async () => {
          await secretDelete({ path: { ...place, key: removing ?? "" }, throwOnError: true });
          await list.refetch();
        }}
      >
        The value is lost for good. A deployment follows, whose instances start without {removing}.
      </Confirm>
    </Page>
  );
}
