// Releases: what ran, and the way back to it.

import { NativeSelect } from "@mantine/core";
import { deploymentCreate } from "@segue/client";
import { releaseListInfiniteOptions } from "@segue/client/query";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { pagesAt } from "../../lib/pages";
import { Difference } from "../deployment/Difference";
import { flags, useEnv, usePlace, useWhyNotHere } from "../env/place";
import own from "./releases.module.css";

export function Releases() {
  const place = usePlace();
  const env = useEnv();
  const navigate = useNavigate();
  const why = useWhyNotHere()("deploy");
  const [to, setTo] = useState<number>();
  const [pair, setPair] = useState<[number, number]>();
  const list = useInfiniteQuery({
    ...releaseListInfiniteOptions({ path: place, query: { limit: 30 } }),
    ...pagesAt({ ...place }),
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  const newest = items[0];
  const second = items[1];
  const [from, until] = pair ?? [second?.version ?? 0, newest?.version ?? 0];
  const versions = items.map((one) => ({ value: String(one.version), label: `v${one.version}` }));
  return (
    <Page
      title="Releases"
      sub={`${place.app} ${place.env}`}
      command={`segue releases list ${flags(place)}`}
    >
      <Card title="Newest first" flush>
        <Listing
          of={list}
          count={items.length}
          none={
            <>
              No release yet; the first deployment makes one: <code>segue up {flags(place)}</code>
            </>
          }
          label="Releases"
          head={["Release", "State", "Commit", "Config", "By", "When", ""]}
        >
          {items.map((one) => (
            <tr key={one.id}>
              <td>
                <strong>v{one.version}</strong>
                {one.message && <div className={classes.reason}>{one.message}</div>}
              </td>
              <td>
                {one.version === env.serving ? (
                  <Status tone="ok">serves</Status>
                ) : one.stable_at ? (
                  <Status tone="idle">was good</Status>
                ) : (
                  <Status tone="idle">never proved</Status>
                )}
              </td>
              <td>{one.commit ? <code>{one.commit.slice(0, 10)}</code> : "–"}</td>
              <td>{one.config_version ? `version ${one.config_version}` : "–"}</td>
              <td>{one.created_by}</td>
              <td>
                <Ago at={one.created_at} />
              </td>
              <td>
                <Act
                  size="compact-sm"
                  variant="subtle"
                  why={why ?? (one.version === env.serving ? "It serves already." : undefined)}
                  onClick={() => setTo(one.version)}
                  aria-label={`Deploy v${one.version} again`}
                >
                  Deploy
                </Act>
              </td>
            </tr>
          ))}
        </Listing>
      </Card>
      {items.length > 1 && (
        <>
          <div className={own.pick}>
            <NativeSelect
              label="From"
              data={versions}
              value={String(from)}
              onChange={(event) => setPair([Number(event.currentTarget.value), until])}
            />
            <NativeSelect
              label="To"
              data={versions}
              value={String(until)}
              onChange={(event) => setPair([from, Number(event.currentTarget.value)])}
            />
          </div>
          {from !== until && <Difference place={place} from={from} to={until} />}
        </>
      )}
      <Confirm
        opened={to !== undefined}
        onClose={() => setTo(undefined)}
        title={`Go to v${to}?`}
        deed={`Deploy v${to}`}
        harmless
        onConfirm={async () => {
          const { data } = await deploymentCreate({
            path: place,
            body: { release: to },
            throwOnError: true,
          });
          await navigate({
            to: "/apps/$app/$env/deployments/$number",
            params: { app: place.app, env: place.env, number: String(data.number) },
          });
        }}
      >
        v{to} comes with the image and the configuration that it had; v{env.serving} serves until it
        is healthy. Data stays as it is.
      </Confirm>
    </Page>
  );
}
