// Plain configuration: where each value comes from, who changed it, changes before they are saved.

import type { EnvironmentSpec } from "@segue/client";
import { configVersionListOptions, specGetOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Act } from "../../components/Act";
import { Card, Table } from "../../components/Card";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import { Page } from "../../components/Page";
import { flags, useHeld, usePlace, useWhyNotHere } from "../env/place";
import { Changes } from "./Changes";
import { Compare } from "./Compare";
import { History } from "./History";
import { Paste } from "./Paste";
import { useChanges } from "./useChanges";
import { Variables } from "./Variables";

export function Config() {
  const place = usePlace();
  const whyNot = useWhyNotHere();
  const why = whyNot("configure");
  const held = useHeld();
  const changes = useChanges(place);
  const versions = useQuery(configVersionListOptions({ path: place, query: { limit: 50 } }));
  const spec = useQuery(specGetOptions({ path: place }));
  const [pasting, setPasting] = useState(false);
  const { config, values, mine, stage } = changes;
  const given = spec.data?.spec.config ?? {};
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
      {Object.keys(mine).length > 0 && (
        <Changes
          changes={changes}
          author={config.data?.created_by}
          why={why}
          whyDeploy={held}
          whySeal={whyNot("secrets")}
        />
      )}
      {changes.error !== undefined && <FaultBox error={changes.error} />}
      {config.data && (
        <Variables
          changes={changes}
          versions={versions.data?.items ?? []}
          given={given}
          why={why}
          whySeal={whyNot("secrets")}
        />
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
        whySeal={whyNot("secrets")}
        onPaste={stage}
        onSeal={changes.seal}
      />
    </Page>
  );
}

/** What segue.toml gives, where nobody set another value here. */
function Given({
  given,
  values,
}: {
  given: NonNullable<EnvironmentSpec["config"]>;
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
