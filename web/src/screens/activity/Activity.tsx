// Everything that happened in the team, newest first, as it happens.

import { Button, NativeSelect } from "@mantine/core";
import type { Event } from "@segue/client";
import { appListOptions, eventListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { eventsOf } from "../../api/events";
import { useTeam } from "../../api/hooks";
import { hear } from "../../api/live";
import { Card } from "../../components/Card";
import { EventList } from "../../components/EventList";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";
import { Page } from "../../components/Page";

/** Shown at most; older ones are in the audit log. */
const MOST = 500;

export function Activity() {
  const team = useTeam();
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as { app?: string };
  const apps = useQuery(appListOptions({ path: { team: team.name }, query: { limit: 100 } }));
  const names = new Map((apps.data?.items ?? []).map((app) => [app.id, app.name]));
  const wanted = apps.data?.items.find((app) => app.name === search.app)?.id;
  const first = useQuery({
    ...eventListOptions({ query: eventsOf(team.name, { app: wanted, limit: 100 }) }),
    enabled: search.app === undefined || apps.isSuccess,
    // What comes later is added below; reading it again would throw that away.
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [later, setLater] = useState<Event[]>([]);
  const [trouble, setTrouble] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another team or app has other events
  useEffect(() => {
    setLater([]);
    return hear((event) => {
      if (!wanted || event.app === wanted) setLater((was) => [event, ...was].slice(0, MOST));
    });
  }, [team.name, wanted]);
  const seen = new Set<string>();
  const events = [...later, ...[...(first.data?.items ?? [])].reverse()].filter((event) => {
    if (seen.has(event.id)) return false;
    seen.add(event.id);
    return (
      !trouble || event.failure !== undefined || /\.(failed|lost|auto_rollback)$/.test(event.kind)
    );
  });
  return (
    <Page
      title="Activity"
      sub={`Team ${team.name}`}
      command={`segue events -f -t ${team.name}`}
      actions={
        <>
          <NativeSelect
            aria-label="App"
            value={search.app ?? ""}
            onChange={(event) =>
              void navigate({
                to: "/activity",
                search: { app: event.currentTarget.value || undefined },
                replace: true,
              })
            }
            data={[
              { value: "", label: "every app" },
              ...[...names.values()].map((name) => ({ value: name, label: name })),
            ]}
          />
          <Button
            variant={trouble ? "filled" : "default"}
            aria-pressed={trouble}
            onClick={() => setTrouble((was) => !was)}
          >
            Only trouble
          </Button>
        </>
      }
    >
      {first.isPending && <Loading lines={6} />}
      {first.isError && <FaultBox error={first.error} onRetry={() => first.refetch()} />}
      {first.data && (
        <Card title="Newest first" flush>
          <EventList
            events={events.slice(0, MOST)}
            place={(event) => (event.app ? (names.get(event.app) ?? event.app) : undefined)}
          />
        </Card>
      )}
    </Page>
  );
}
