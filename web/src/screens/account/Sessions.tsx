// Where the person is signed in, and the way to end it.

import { Button } from "@mantine/core";
import { type Session, sessionDelete } from "@segue/client";
import { sessionListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Listing } from "../../components/Listing";
import { Status } from "../../components/Status";
import { browserName } from "../../lib/browser";

export function Sessions() {
  const list = useQuery(sessionListOptions({ query: { limit: 100 } }));
  const items = list.data?.items ?? [];
  const [ending, setEnding] = useState<Session>();
  return (
    <Card title="Sessions" flush>
      <Listing
        of={list}
        count={items.length}
        none="No session."
        label="Sessions"
        head={["Browser", "Address", "Used", "Ends", ""]}
      >
        {items.map((one) => (
          <tr key={one.id}>
            <td>
              {browserName(one.client)} {one.current && <Status tone="ok">this one</Status>}
              <div className={classes.reason}>
                since <Ago at={one.created_at} />
              </div>
            </td>
            <td>{one.address ?? "–"}</td>
            <td>
              <Ago at={one.used_at} />
            </td>
            <td>
              <Ago at={one.expires_at} />
            </td>
            <td>
              <Button
                size="compact-sm"
                variant="subtle"
                color="red"
                onClick={() => setEnding(one)}
                aria-label={`End the session in ${browserName(one.client)}`}
              >
                End
              </Button>
            </td>
          </tr>
        ))}
      </Listing>
      <Confirm
        opened={ending !== undefined}
        onClose={() => setEnding(undefined)}
        title={ending?.current ? "End this very session?" : "End this session?"}
        deed="End it"
        onConfirm={async () => {
          await sessionDelete({ path: { session: ending?.id ?? "" }, throwOnError: true });
          await list.refetch();
        }}
      >
        That browser is signed out within seconds{ending?.current ? ": this one, here." : "."} API
        tokens are not touched.
      </Confirm>
    </Card>
  );
}
