// Freeze windows: times, once or every week, in which nothing is deployed.

import { Checkbox, Group, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import {
  type Environment,
  type FreezeCreate,
  type FreezeWindow,
  freezeCreate,
  freezeDelete,
} from "@segue/client";
import { useState } from "react";
import { useHolds } from "../../api/holds";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { Status } from "../../components/Status";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { dayName, windowEnd, windowWords } from "../../lib/holds";
import { useNow } from "../../lib/now";
import type { AppPath } from "./AppFrame";
import { placeName, places } from "./Locks";

const DAYS = [1, 2, 3, 4, 5, 6, 7] as const;

function New({
  path,
  envs,
  onMade,
}: {
  path: AppPath;
  envs: Environment[];
  onMade: () => unknown;
}) {
  const why = useWhyNot()("freeze");
  const { FreezeCreate: check } = checks;
  const handle = useApiForm({
    initial: {
      kind: "weekly",
      days: ["5"],
      reason: "",
      environment: "",
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC",
      from: "16:00",
      hours: "60",
      starts_at: "",
      ends_at: "",
    },
    validate: {
      reason: check.reason,
      days: (value, { kind }) => (kind === "weekly" && value.length === 0 ? "Choose a day." : null),
      time_zone: (value, { kind }) => (kind === "weekly" ? check.time_zone(value) : null),
      from: (value, { kind }) => (kind === "weekly" ? check.from(value) : null),
      hours: (value, { kind }) =>
        kind !== "weekly" || (/^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= 168)
          ? null
          : "A whole number from 1 to 168.",
      starts_at: (value, { kind }) => (kind === "weekly" ? null : check.starts_at(value)),
      ends_at: (value, { kind, starts_at }) =>
        kind === "weekly"
          ? null
          : (check.ends_at(value) ??
            (Date.parse(value) <= Date.parse(starts_at) ? "It ends before it begins." : null)),
    },
    why,
    pointers: { minutes: "hours" },
    send: async (values) => {
      const body: FreezeCreate = {
        reason: values.reason.trim(),
        environment: values.environment || undefined,
        ...(values.kind === "weekly"
          ? {
              time_zone: values.time_zone.trim(),
              days: values.days.map(Number).sort(),
              from: values.from,
              minutes: Number(values.hours) * 60,
            }
          : {
              starts_at: new Date(values.starts_at).toISOString(),
              ends_at: new Date(values.ends_at).toISOString(),
            }),
      };
      await freezeCreate({ path, body, throwOnError: true });
      form.reset();
      await onMade();
    },
  });
  const { form, busy } = handle;
  const weekly = form.values.kind === "weekly";
  return (
    <Form of={handle} className={classes.form}>
      <SegmentedControl
        aria-label="How often"
        {...form.getInputProps("kind")}
        data={[
          { value: "weekly", label: "Every week" },
          { value: "once", label: "Once" },
        ]}
      />
      <TextInput
        label="Reason of the freeze"
        placeholder="the weekend"
        autoComplete="off"
        {...form.getInputProps("reason")}
      />
      <NativeSelect label="Freeze" data={places(envs)} {...form.getInputProps("environment")} />
      {weekly ? (
        <>
          <Checkbox.Group label="Begins on" {...form.getInputProps("days")}>
            <Group gap="sm" mt={4}>
              {DAYS.map((day) => (
                <Checkbox key={day} value={String(day)} label={dayName(day).slice(0, 3)} />
              ))}
            </Group>
          </Checkbox.Group>
          <TextInput label="At" type="time" {...form.getInputProps("from")} />
          <TextInput
            label="For hours"
            inputMode="numeric"
            autoComplete="off"
            {...form.getInputProps("hours")}
          />
          <TextInput
            label="Time zone"
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps("time_zone")}
          />
        </>
      ) : (
        <>
          <TextInput label="From" type="datetime-local" {...form.getInputProps("starts_at")} />
          <TextInput label="To" type="datetime-local" {...form.getInputProps("ends_at")} />
        </>
      )}
      <Act type="submit" why={why} loading={busy}>
        Make a freeze window
      </Act>
    </Form>
  );
}

export function Freezes({ path, envs }: { path: AppPath; envs: Environment[] }) {
  const why = useWhyNot()("freeze");
  const now = useNow();
  const { windows } = useHolds(path);
  const [removing, setRemoving] = useState<FreezeWindow>();
  const items = windows.data?.items ?? [];
  return (
    <Card title="Freeze windows" flush>
      <Listing
        of={windows}
        count={items.length}
        none="No freeze window."
        label="Freeze windows"
        head={["Where", "When", "State", "Because", "By", ""]}
      >
        {items.map((one) => (
          <tr key={one.id}>
            <td>
              <strong>{placeName(envs, one.environment)}</strong>
            </td>
            <td>{windowWords(one)}</td>
            <td>
              {windowEnd(one, now) ? (
                <Status tone="warn">frozen now</Status>
              ) : (
                <Status tone="idle">not now</Status>
              )}
            </td>
            <td>{one.reason}</td>
            <td>{one.created_by}</td>
            <td>
              <Act
                size="compact-sm"
                variant="subtle"
                color="red"
                why={why}
                onClick={() => setRemoving(one)}
                aria-label={`Remove the freeze window because of ${one.reason}`}
              >
                Remove
              </Act>
            </td>
          </tr>
        ))}
      </Listing>
      <New path={path} envs={envs} onMade={() => windows.refetch()} />
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title="Remove the freeze window?"
        deed="Remove it"
        onConfirm={async () => {
          await freezeDelete({ path: { ...path, freeze: removing?.id ?? "" }, throwOnError: true });
          await windows.refetch();
        }}
      >
        It was made because of “{removing?.reason}”. Deployments are not stopped by it any more.
      </Confirm>
    </Card>
  );
}
