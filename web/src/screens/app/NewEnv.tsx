// A new environment of an app.

import { Button, Group, Modal, NativeSelect, Stack, TextInput } from "@mantine/core";
import { type EnvironmentKindWord, environmentCreate } from "@segue/client";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FormFault } from "../../components/FormFault";
import { nameFault, useApiForm } from "../../lib/form";

export interface NewEnvProps {
  path: { team: string; app: string };
  opened: boolean;
  onClose: () => void;
}

export function NewEnv({ path, opened, onClose }: NewEnvProps) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { name: "staging", kind: "staging" },
    validate: { name: nameFault("it a name") },
    send: async ({ name, kind }) => {
      const body = { name, kind: kind as EnvironmentKindWord };
      await environmentCreate({ path, body, throwOnError: true });
      await queries.invalidateQueries();
      await navigate({ to: "/apps/$app/$env", params: { app: path.app, env: name } });
    },
  });
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`New environment of ${path.app}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={onSubmit} noValidate>
        <Stack gap="md">
          <FormFault text={rest} />
          <TextInput
            label="Name"
            maxLength={60}
            autoComplete="off"
            data-autofocus
            {...form.getInputProps("name")}
          />
          <NativeSelect
            label="Kind"
            data={["production", "staging", "preview"]}
            {...form.getInputProps("kind")}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={busy}>
              Make it
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
