// Every attempt to carry the environment somewhere, newest first.

import { Anchor } from "@mantine/core";
import { deploymentListInfiniteOptions } from "@segue/client/query";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { duration } from "../../lib/format";
import { deploymentVerdict } from "../../lib/health";
import { useNow } from "../../lib/now";
import { pagesAt } from "../../lib/pages";
import { flags, usePlace } from "../env/place";

/** Until it was live, or until it ended without that. */
function took(created: string, end: string | undefined, now: number): string {
  return duration((end ? Date.parse(end) : now) - Date.parse(created));
}

export function Deployments() {
  const place = usePlace();
  const now = useNow();
  const list = useInfiniteQuery({
    ...deploymentListInfiniteOptions({ path: place, query: { limit: 30 } }),
    ...pagesAt({ ...place }),
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Deployments"
      sub={`${place.app} ${place.env}`}
      command={`segue deploys list ${flags(place)}`}
    >
      <Card title="Newest first" flush>
        <Listing
          of={list}
          count={items.length}
          none={
            <>
              Nothing has been deployed here yet. In the folder of the app:{" "}
              <code>segue up {flags(place)}</code>
            </>
          }
          label="Deployments"
          head={["Number", "State", "Release", "Why", "By", "Time", "When"]}
        >
          {items.map((one) => {
            const { tone, word } = deploymentVerdict(one);
            return (
              <tr key={one.id}>
                <td>
                  <Anchor
                    size="sm"
                    renderRoot={(props) => (
                      <Link
                        to="/apps/$app/$env/deployments/$number"
                        params={{ app: place.app, env: place.env, number: String(one.number) }}
                        {...props}
                      />
                    )}
                  >
                    #{one.number}
                  </Anchor>
                </td>
                <td>
                  <Status tone={tone}>{word}</Status>
                </td>
                <td>v{one.release}</td>
                <td>
                  {one.kind}
                  {one.message && <div className={classes.reason}>{one.message}</div>}
                  {one.failure && <div className={classes.reason}>{one.failure.sentence}</div>}
                </td>
                <td>{one.created_by}</td>
                <td>{took(one.created_at, one.live_at ?? one.finished_at, now)}</td>
                <td>
                  <Ago at={one.created_at} />
                </td>
              </tr>
            );
          })}
        </Listing>
      </Card>
    </Page>
  );
}
