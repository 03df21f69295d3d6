// The variables as they are and as they will be, each with its origin.

import { ActionIcon, Button, Group, Textarea, TextInput, Tooltip } from "@mantine/core";
import type { ConfigGetResponse as Config, EnvironmentSpec } from "@segue/client";
import { useState } from "react";
import { Act } from "../../components/Act";
import { Card, Empty, Table } from "../../components/Card";
import classes from "../../components/components.module.css";
import { SecretHint } from "../../components/SecretHint";
import { valueCheck } from "../../lib/checks";
import { origin } from "../../lib/configdiff";
import { AddVariable } from "./AddVariable";
import own from "./config.module.css";
import type { useChanges } from "./useChanges";

export interface VariablesProps {
  changes: ReturnType<typeof useChanges>;
  versions: Config[];
  given: NonNullable<EnvironmentSpec["config"]>;
  why?: string;
  whySeal?: string;
}

export function Variables({ changes, versions, given, why, whySeal }: VariablesProps) {
  const { values, shown, mine, stage, seal } = changes;
  const [editing, setEditing] = useState<string>();
  const keys = [...new Set([...Object.keys(values), ...Object.keys(shown)])].sort();
  return (
    <Card title="Variables" flush>
      {keys.length === 0 && <Empty>No variable is set. Add one below, or paste a .env file.</Empty>}
      {keys.length > 0 && (
        <Table label="Variables" head={["Key", "Value", "Origin", "Changed", ""]}>
          {keys.map((key) => {
            const from = origin(versions, key);
            const gone = !(key in shown);
            const value = shown[key] ?? values[key] ?? "";
            return (
              <tr key={key} data-gone={gone || undefined} className={own.row}>
                <td>
                  <code>{key}</code>
                </td>
                <td>
                  {editing === key ? (
                    <Edit
                      name={key}
                      value={value}
                      onDone={(next) => {
                        setEditing(undefined);
                        if (next !== undefined) stage({ [key]: next });
                      }}
                    />
                  ) : (
                    <span className={own.value}>{value === "" ? <i>empty</i> : value}</span>
                  )}
                  {/* What is not saved yet is warned of where it is saved. */}
                  {!gone && !(key in mine) && (
                    <SecretHint
                      name={key}
                      value={value}
                      nameless
                      why={whySeal}
                      onSeal={() => seal(key, value)}
                    />
                  )}
                </td>
                <td>
                  {key in mine
                    ? "not saved"
                    : given[key]?.value !== undefined
                      ? "set here; segue.toml has another"
                      : "set here"}
                </td>
                <td>
                  {from ? (
                    <>
                      {from.created_by}
                      <div className={classes.reason}>version {from.version}</div>
                    </>
                  ) : (
                    "–"
                  )}
                </td>
                <td>
                  <Group gap={4} wrap="nowrap" justify="flex-end">
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      why={why}
                      onClick={() => setEditing(key)}
                      aria-label={`Edit ${key}`}
                    >
                      Edit
                    </Act>
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      color="red"
                      why={why}
                      onClick={() => stage({ [key]: gone ? (values[key] ?? null) : null })}
                      aria-label={gone ? `Keep ${key}` : `Remove ${key}`}
                    >
                      {gone ? "Keep" : "Remove"}
                    </Act>
                  </Group>
                </td>
              </tr>
            );
          })}
        </Table>
      )}
      <AddVariable why={why} taken={keys} onAdd={(key, value) => stage({ [key]: value })} />
    </Card>
  );
}

function Edit({
  name,
  value,
  onDone,
}: {
  name: string;
  value: string;
  onDone: (value?: string) => void;
}) {
  const [text, setText] = useState(value);
  const long = text.includes("\n") || text.length > 60;
  const wrong = valueCheck(text);
  const shared = { value: text, "aria-label": `Value of ${name}`, autoFocus: true, error: wrong };
  return (
    <form
      className={own.edit}
      onSubmit={(event) => {
        event.preventDefault();
        if (wrong === null) onDone(text);
      }}
      onKeyDown={(event) => event.key === "Escape" && onDone()}
    >
      {long ? (
        <Textarea {...shared} rows={4} onChange={(event) => setText(event.currentTarget.value)} />
      ) : (
        <TextInput {...shared} onChange={(event) => setText(event.currentTarget.value)} />
      )}
      <Button type="submit" size="compact-sm">
        Take over
      </Button>
      <Tooltip label="Leave it as it was">
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={() => onDone()}
          aria-label="Leave it as it was"
        >
          ×
        </ActionIcon>
      </Tooltip>
    </form>
  );
}
