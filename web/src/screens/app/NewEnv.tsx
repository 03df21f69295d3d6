// A new environment of an app, empty or made after another one.

import { Button, Checkbox, Group, Modal, NativeSelect, Stack, TextInput } from "@mantine/core";
import { type Environment, type EnvironmentKindWord, environmentCreate } from "@segue/client";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Form } from "../../components/Form";
import { checks, daysCheck } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

export interface NewEnvProps {
  path: { team: string; app: string };
  envs: readonly Environment[];
  opened: boolean;
  onClose: () => void;
}

export function NewEnv({ path, envs, opened, onClose }: NewEnvProps) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const handle = useApiForm({
    initial: { name: "staging", kind: "staging", clone_of: "", days: "", guarded: false },
    validate: {
      ...checks.EnvironmentCreate,
      days: (text, { guarded }) => (text.trim() === "" || guarded ? null : daysCheck(text)),
    },
    pointers: { ttl: "days" },
    send: async ({ name, kind, clone_of, days, guarded }) => {
      const body = {
        name,
        kind: kind as EnvironmentKindWord,
        clone_of: clone_of || undefined,
        protected: guarded || undefined,
        ttl: days.trim() === "" || guarded ? undefined : Number(days) * 86_400,
      };
      await environmentCreate({ path, body, throwOnError: true });
      await queries.invalidateQueries();
      await navigate({ to: "/apps/$app/$env", params: { app: path.app, env: name } });
    },
  });
  const { form, busy } = handle;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`New environment of ${path.app}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Form of={handle}>
        <Stack gap="md">
          <TextInput
            label="Name"
            autoComplete="off"
            data-autofocus
            {...form.getInputProps("name")}
          />
          <NativeSelect
            label="Kind"
            data={["production", "staging", "preview"]}
            {...form.getInputProps("kind")}
          />
          <NativeSelect
            label="Made after"
            description="Takes its specification, configuration and scale. Secrets come by name only, and are missing until they are set."
            data={[
              { value: "", label: "nothing: empty" },
              ...envs.map((env) => ({ value: env.name, label: env.name })),
            ]}
            {...form.getInputProps("clone_of")}
          />
          <Checkbox
            label="Protected: only admins change it"
            {...form.getInputProps("guarded", { type: "checkbox" })}
          />
          {!form.values.guarded && (
            <TextInput
              label="Days that it lives"
              placeholder="without end"
              inputMode="numeric"
              autoComplete="off"
              {...form.getInputProps("days")}
            />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={busy}>
              Make it
            </Button>
          </Group>
        </Stack>
      </Form>
    </Modal>
  );
}
