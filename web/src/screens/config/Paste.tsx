// Takes over a pasted .env file: what it says, what cannot be read, and what should be a secret instead.

import { Button, Checkbox, Group, Modal, Textarea } from "@mantine/core";
import { useState } from "react";
import { sentenceOf } from "../../api/problem";
import { Act } from "../../components/Act";
import { applied, difference, type Patch, type Values } from "../../lib/configdiff";
import { parseDotenv } from "../../lib/dotenv";
import { count } from "../../lib/format";
import { looksSecret } from "../../lib/secretshape";
import own from "./config.module.css";
import { Diff } from "./Diff";

/** As much as the API takes in one change. */
const LONGEST = 300_000;

export interface PasteProps {
  opened: boolean;
  values: Values;
  onClose: () => void;
  onPaste: (entries: Patch) => void;
  /** Why this person sets no secrets here. */
  whySeal?: string;
  onSeal: (key: string, value: string) => Promise<unknown>;
}

export function Paste({ opened, values, onClose, onPaste, whySeal, onSeal }: PasteProps) {
  const [text, setText] = useState("");
  const [anyway, setAnyway] = useState(false);
  const tooLong = text.length > LONGEST ? "At most 300 000 characters." : undefined;
  const { entries, faults } = parseDotenv(tooLong ? "" : text);
  const [sealed, setSealed] = useState<readonly string[]>([]);
  const [sealing, setSealing] = useState(false);
  const [refused, setRefused] = useState<string>();
  const suspects = entries.flatMap((entry) => {
    if (sealed.includes(entry.key)) return [];
    const why = looksSecret(entry.key, entry.value);
    return why ? [{ ...entry, why }] : [];
  });
  const taken = anyway
    ? entries
    : entries.filter((entry) => !suspects.some((one) => one.key === entry.key));
  const plain = taken.filter((entry) => !sealed.includes(entry.key));
  const patch: Patch = Object.fromEntries(plain.map((entry) => [entry.key, entry.value]));
  const changes = difference(values, applied(values, patch));
  const close = () => {
    setText("");
    setAnyway(false);
    setSealed([]);
    setRefused(undefined);
    onClose();
  };
  const seal = async () => {
    setSealing(true);
    setRefused(undefined);
    try {
      for (const one of suspects) {
        await onSeal(one.key, one.value);
        setSealed((was) => [...was, one.key]);
      }
    } catch (error) {
      setRefused(sentenceOf(error));
    } finally {
      setSealing(false);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title="Paste .env"
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <div className={own.changes}>
        <Textarea
          label="Content of the file"
          description="Nothing is expanded: $HOME stays $HOME."
          rows={8}
          value={text}
          error={tooLong}
          onChange={(event) => setText(event.currentTarget.value)}
          spellCheck={false}
          data-autofocus
        />
        {faults.length > 0 && (
          <div className={own.clash} role="alert">
            {faults.map((one) => (
              <span key={`${one.line} ${one.text}`}>
                Line {one.line}: {one.text}
              </span>
            ))}
          </div>
        )}
        {suspects.length > 0 && (
          <div className={own.clash} role="alert">
            <span>
              These look like secrets and are left out. Kept as secrets, nobody in the team reads
              them by the way.
            </span>
            {suspects.map((one) => (
              <span key={one.key}>
                <code>{one.key}</code>: {one.why}
              </span>
            ))}
            {refused && <span>{refused}</span>}
            {whySeal ? (
              <span>{whySeal}</span>
            ) : (
              <div>
                <Button
                  size="compact-sm"
                  variant="light"
                  loading={sealing}
                  onClick={() => void seal()}
                >
                  {suspects.length === 1
                    ? "Make it a secret"
                    : `Make all ${suspects.length} secrets`}
                </Button>
              </div>
            )}
            <Checkbox
              label="Take them over as plain configuration all the same"
              checked={anyway}
              onChange={(event) => setAnyway(event.currentTarget.checked)}
            />
          </div>
        )}
        {text.trim() !== "" && (
          <span>
            {count(entries.length, "variable")} read, {count(changes.length, "change")}.
          </span>
        )}
        <Diff changes={changes} />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Act
            why={
              changes.length > 0
                ? undefined
                : text.trim() === ""
                  ? "Paste something first."
                  : "Nothing in it differs from what is set."
            }
            onClick={() => {
              onPaste(patch);
              close();
            }}
          >
            Take over {count(changes.length, "change")}
          </Act>
        </Group>
      </div>
    </Modal>
  );
}
