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
import { Card, Empty, Table } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { FormFault } from "../../components/FormFault";
import { Loading } from "../../components/Loading";
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
  const [kind, setKind] = useState("weekly");
  const [days, setDays] = useState<string[]>(["5"]);
  const weekly = kind === "weekly";
  const { FreezeCreate: check } = checks;
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: {
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
      time_zone: (value) => (weekly ? check.time_zone(value) : null),
      from: (value) => (weekly ? check.from(value) : null),
      hours: (value) =>
        !weekly || (/^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= 168)
          ? null
          : "A whole number from 1 to 168.",
      starts_at: (value) => (weekly ? null : check.starts_at(value)),
      ends_at: (value, { starts_at }) =>
        weekly
          ? null
          : (check.ends_at(value) ??
            (Date.parse(value) <= Date.parse(starts_at) ? "It ends before it begins." : null)),
    },
    send: async (values) => {
      const body: FreezeCreate = {
        reason: values.reason.trim(),
        environment: values.environment || undefined,
        ...(weekly
          ? {
              time_zone: values.time_zone.trim(),
              days: days.map(Number).sort(),
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
  return (
    <form onSubmit={onSubmit} noValidate className={classes.form}>
      <FormFault text={rest} />
      <SegmentedControl
        aria-label="How often"
        value={kind}
        onChange={setKind}
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
          <Checkbox.Group label="Begins on" value={days} onChange={setDays}>
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
      <Act
        type="submit"
        why={why ?? (weekly && days.length === 0 ? "Choose a day." : undefined)}
        loading={busy}
      >
        Make a freeze window
      </Act>
    </form>
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
      {windows.isPending && <Loading />}
      {windows.isError && <FaultBox error={windows.error} onRetry={() => windows.refetch()} />}
      {windows.isSuccess && items.length === 0 && <Empty>No freeze window.</Empty>}
      {items.length > 0 && (
        <Table label="Freeze windows" head={["Where", "When", "State", "Because", "By", ""]}>
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
        </Table>
      )}
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
