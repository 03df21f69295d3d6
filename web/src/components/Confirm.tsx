// A dialog before what cannot be taken back. It names the effect, and the button names the deed. Where the server wants
// the password once more for it, the dialog asks for that and goes on.

import { Button, Group, Modal, Text, TextInput } from "@mantine/core";
import { sessionConfirm } from "@segue/client";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { fault, formFaults } from "../api/problem";
import { checks } from "../lib/checks";
import { Act } from "./Act";
import { FaultBox } from "./FaultBox";
import { PasswordField } from "./PasswordField";

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
  /** The password is wanted; `undefined`: it is not. */
  const [password, setPassword] = useState<string>();
  const [wrong, setWrong] = useState<string | null>(null);
  const running = useRef(false);
  const form = useRef<HTMLFormElement>(null);
  // What went wrong is where one is led to; the button lost the focus while it was busy.
  useEffect(() => {
    if (error === undefined && wrong === null) return;
    const at =
      form.current?.querySelector<HTMLElement>('[aria-invalid="true"]') ??
      form.current?.querySelector<HTMLElement>('[role="alert"]');
    at?.focus();
  }, [error, wrong]);
  const close = () => {
    setTyped("");
    setError(undefined);
    setPassword(undefined);
    setWrong(null);
    props.onClose();
  };
  const prove = async (given: string): Promise<boolean> => {
    const missing = checks.Confirm.password(given);
    setWrong(missing);
    if (missing) return false;
    try {
      await sessionConfirm({ body: { password: given }, throwOnError: true });
      return true;
    } catch (caught) {
      const { byField, rest } = formFaults(caught, ["password"]);
      setWrong(byField.password ?? rest ?? null);
      return false;
    }
  };
  const run = async (event: FormEvent) => {
    event.preventDefault();
    if (running.current || (props.type !== undefined && typed !== props.type)) return;
    running.current = true;
    setBusy(true);
    setError(undefined);
    try {
      if (password !== undefined && !(await prove(password))) return;
      await props.onConfirm();
      close();
    } catch (caught) {
      if (fault(caught).code === "confirmation_required") setPassword("");
      else setError(caught);
    } finally {
      running.current = false;
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
      <form onSubmit={run} noValidate ref={form}>
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
        {password !== undefined && (
          <PasswordField
            label="Your password, once more"
            description="Counts for ten minutes in this session."
            autoComplete="current-password"
            value={password}
            error={wrong}
            onChange={(event) => setPassword(event.currentTarget.value)}
            mb="md"
            autoFocus
          />
        )}
        {error !== undefined && <FaultBox error={error} />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Act
            type="submit"
            color={props.harmless ? undefined : "red"}
            loading={busy}
            why={
              props.type !== undefined && typed !== props.type
                ? `Type ${props.type} first.`
                : undefined
            }
          >
            {props.deed}
          </Act>
        </Group>
      </form>
    </Modal>
  );
}
