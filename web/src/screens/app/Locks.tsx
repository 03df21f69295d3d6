// Locks: somebody says that nothing is deployed until they take it away.

import { NativeSelect, TextInput } from "@mantine/core";
import { type Environment, type Lock, lockCreate, lockDelete } from "@segue/client";
import { useState } from "react";
import { useHolds } from "../../api/holds";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import type { AppPath } from "./AppFrame";

/** The choices of a place: the whole app, and each environment. */
export function places(envs: readonly Environment[]) {
  return [
    { value: "", label: "every environment" },
    ...envs.map((env) => ({ value: env.name, label: env.name })),
  ];
}

/** The name of a place by its id. */
export function placeName(envs: readonly Environment[], id: string | undefined): string {
  if (!id) return "every environment";
  return envs.find((env) => env.id === id)?.name ?? id;
}

export function Locks({ path, envs }: { path: AppPath; envs: Environment[] }) {
  const why = useWhyNot()("lock");
  const { locks } = useHolds(path);
  const [taking, setTaking] = useState<Lock>();
  const handle = useApiForm({
    initial: { reason: "", environment: "", until: "" },
    validate: checks.LockCreate,
    why,
    send: async ({ reason, environment, until }) => {
      const body = {
        reason: reason.trim(),
        environment: environment || undefined,
        until: until ? new Date(until).toISOString() : undefined,
      };
      await lockCreate({ path, body, throwOnError: true });
      form.reset();
      await locks.refetch();
    },
  });
  const { form, busy } = handle;
  const items = locks.data?.items ?? [];
  return (
    <Card title="Locks" flush>
      <Listing
        of={locks}
        count={items.length}
        none="Nothing is locked."
        label="Locks"
        head={["Where", "Because", "By", "Since", "Until", ""]}
      >
        {items.map((lock) => {
          const where = placeName(envs, lock.environment);
          return (
            <tr key={lock.environment ?? ""}>
              <td>
                <strong>{where}</strong>
              </td>
              <td>{lock.reason}</td>
              <td>{lock.created_by}</td>
              <td>
                <Ago at={lock.created_at} />
              </td>
              <td>{lock.until ? <Ago at={lock.until} /> : "taken away"}</td>
              <td>
                <Act
                  size="compact-sm"
                  variant="subtle"
                  why={why}
                  onClick={() => setTaking(lock)}
                  aria-label={`Take away the lock of ${where}`}
                >
                  Take away
                </Act>
              </td>
            </tr>
          );
        })}
      </Listing>
      <Form of={handle} className={classes.form}>
        <TextInput
          label="Reason"
          placeholder="a migration runs"
          autoComplete="off"
          {...form.getInputProps("reason")}
        />
        <NativeSelect label="Lock" data={places(envs)} {...form.getInputProps("environment")} />
        <TextInput
          label="Until (may be left empty)"
          type="datetime-local"
          {...form.getInputProps("until")}
        />
        <Act type="submit" why={why} loading={busy}>
          Lock deployments
        </Act>
      </Form>
      <Confirm
        opened={taking !== undefined}
        onClose={() => setTaking(undefined)}
        title="Take the lock away?"
        deed="Take it away"
        harmless
        onConfirm={async () => {
          const env = envs.find((one) => one.id === taking?.environment)?.name;
          await lockDelete({ path, query: { environment: env }, throwOnError: true });
          await locks.refetch();
        }}
      >
        {taking?.created_by} locked {placeName(envs, taking?.environment)} because “{taking?.reason}
        ”. Deployments go on at once.
      </Confirm>
    </Card>
  );
}
