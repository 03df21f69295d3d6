// A dialog before what cannot be taken back. It names the effect, and the button names the deed.

import { Button, Group, Modal, Text, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { FaultBox } from "./FaultBox";

export interface ConfirmProps {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What will happen. */
  children: ReactNode;
  /** The deed, as the button says it. */
  deed: string;
  /** What has to be typed first, for what is lost for good. */
  type?: string;
  /** Nothing is destroyed. */
  harmless?: boolean;
  onConfirm: () => Promise<unknown>;
}

export function Confirm(props: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const close = () => {
    setTyped("");
    setError(undefined);
    props.onClose();
  };
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await props.onConfirm();
      close();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={props.opened}
      onClose={close}
      title={props.title}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Text component="div" size="sm" mb="md">
        {props.children}
      </Text>
      {props.type && (
        <TextInput
          label={`Type ${props.type} to go on`}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          mb="md"
          autoComplete="off"
          data-autofocus
        />
      )}
      {error !== undefined && <FaultBox error={error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={close}>
          Leave it
        </Button>
        <Button
          color={props.harmless ? undefined : "red"}
          loading={busy}
          disabled={props.type !== undefined && typed !== props.type}
          onClick={run}
        >
          {props.deed}
        </Button>
      </Group>
    </Modal>
  );
}
