// Plain configuration: where each value comes from, who changed it, changes before they are saved.

import { ActionIcon, Button, Group, Textarea, TextInput, Tooltip } from "@mantine/core";
import { type ConfigGetResponse as ConfigView, configGet, configUpdate } from "@segue/client";
import {
  configGetOptions,
  configGetQueryKey,
  configVersionListOptions,
  specGetOptions,
} from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { fault } from "../../api/problem";
import { Act } from "../../components/Act";
import { Card, Empty, Table } from "../../components/Card";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import { Page } from "../../components/Page";
import { toast } from "../../components/toast";
import { applied, effective, meanwhile, origin, type Patch } from "../../lib/configdiff";
import { looksSecret } from "../../lib/dotenv";
import { flags, useEnv, usePlace, useWhyNotHere } from "../env/place";
import { AddVariable } from "./AddVariable";
import { Changes } from "./Changes";
import { Compare } from "./Compare";
import own from "./config.module.css";
import { History } from "./History";
import { Paste } from "./Paste";

export function Config() {
  const place = usePlace();
  const env = useEnv();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const why = useWhyNotHere()("configure");
  const config = useQuery(configGetOptions({ path: place }));
  const versions = useQuery(configVersionListOptions({ path: place, query: { limit: 50 } }));
  const spec = useQuery(specGetOptions({ path: place }));
  const [patch, setPatch] = useState<Patch>({});
  /** What the changes were made upon; saving asks whether it is still so. */
  const [base, setBase] = useState<ConfigView>();
  const [editing, setEditing] = useState<string>();
  const [pasting, setPasting] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const values = config.data?.values ?? {};
  const mine = effective(values, patch);
  const shown = applied(values, patch);
  const keys = [...new Set([...Object.keys(values), ...Object.keys(shown)])].sort();
  const given = spec.data?.spec.config ?? {};
  const news =
    base && config.data && base.version !== config.data.version
      ? meanwhile(base.values, values, mine)
      : undefined;
  const stage = (changes: Patch) => {
    if (Object.keys(mine).length === 0) setBase(config.data);
    setPatch((was) => ({ ...was, ...changes }));
  };
  const drop = () => {
    setPatch({});
    setBase(undefined);
    setError(undefined);
  };
  const save = async (deploy: boolean) => {
    setBusy(true);
    setError(undefined);
    try {
      // Others may have saved since: then their changes are shown first, and nothing is sent.
      const { data: now } = await configGet({ path: place, throwOnError: true });
      const key = configGetQueryKey({ path: place });
      if (base && now.version !== base.version) {
        const seen = meanwhile(base.values, now.values, mine);
        queries.setQueryData(key, now);
        if (seen.clashes.length > 0 && config.data?.version !== now.version) return;
      }
      const headers = { "If-Match": `"${now.version}"` };
      const { data } = await configUpdate({
        path: place,
        query: { deploy },
        body: mine,
        headers,
        throwOnError: true,
      });
      queries.setQueryData(key, data);
      drop();
      if (data.deployment !== undefined) {
        await navigate({
          to: "/apps/$app/$env/deployments/$number",
          params: { app: place.app, env: place.env, number: String(data.deployment) },
        });
      } else {
        const message = deploy
          ? "Saved. Nothing was deployed before, so nothing had to be rolled out."
          : "Saved. It takes effect with the next deployment.";
        toast({ message, color: "green" });
      }
    } catch (caught) {
      if (fault(caught).status === 412) await config.refetch();
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  const many = Object.keys(mine).length;
  return (
    <Page
      title="Config"
      sub={`${place.app} ${place.env}${config.data?.version ? ` · version ${config.data.version}` : ""}`}
      command={`segue config list ${flags(place)}`}
      actions={
        <Act variant="default" why={why} onClick={() => setPasting(true)}>
          Paste .env
        </Act>
      }
    >
      {config.isPending && <Loading lines={5} />}
      {config.isError && <FaultBox error={config.error} onRetry={() => config.refetch()} />}
      {many > 0 && (
        <Changes
          base={values}
          patch={mine}
          news={news}
          author={config.data?.created_by}
          busy={busy}
          isProtected={env.protected}
          why={why}
          onDrop={drop}
          onSave={save}
        />
      )}
      {error !== undefined && <FaultBox error={error} />}
      {config.data && (
        <Card title="Variables" flush>
          {keys.length === 0 && (
            <Empty>No variable is set. Add one below, or paste a .env file.</Empty>
          )}
          {keys.length > 0 && (
            <Table label="Variables" head={["Key", "Value", "Origin", "Changed", ""]}>
              {keys.map((key) => {
                const from = origin(versions.data?.items ?? [], key);
                const gone = !(key in shown);
                const value = shown[key] ?? values[key] ?? "";
                const warning = looksSecret(key, value);
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
                      {warning && !gone && (
                        <div className={own.warning}>
                          Looks like a secret: {warning}. Everybody in the team can read it here.
                        </div>
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
      )}
      <Compare place={place} />
      <Given given={given} values={values} />
      <History
        versions={versions.data?.items ?? []}
        onRestore={(old) => stage(old)}
        current={values}
        why={why}
      />
      <Paste
        opened={pasting}
        onClose={() => setPasting(false)}
        values={values}
        onPaste={(entries) => stage(entries)}
      />
    </Page>
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
  const shared = {
    value: text,
    "aria-label": `Value of ${name}`,
    autoFocus: true,
    error: text.length > 32_768 ? "At most 32 768 characters." : undefined,
  };
  return (
    <form
      className={own.edit}
      onSubmit={(event) => {
        event.preventDefault();
        if (text.length <= 32_768) onDone(text);
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

/** What segue.toml gives, where nobody set another value here. */
function Given({
  given,
  values,
}: {
  given: NonNullable<import("@segue/client").EnvironmentSpec["config"]>;
  values: Record<string, string>;
}) {
  const rows = Object.entries(given).filter(([key]) => !(key in values));
  if (rows.length === 0) return null;
  return (
    <Card title="From segue.toml" flush>
      <Table label="From segue.toml" head={["Key", "Value", "Origin"]}>
        {rows.map(([key, variable]) => (
          <tr key={key}>
            <td>
              <code>{key}</code>
            </td>
            <td>
              {variable.secret || variable.generate
                ? "•••"
                : (variable.value ?? variable.from ?? "–")}
            </td>
            <td>
              {variable.generate
                ? "generated once"
                : variable.secret
                  ? `secret${variable.required ? ", required" : ""}`
                  : variable.from
                    ? "from another service"
                    : "segue.toml"}
            </td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}
