// The query of events: a session sees several teams, so it says which.

import type { EventListData } from "@segue/client";

type Query = NonNullable<EventListData["query"]>;

/** Events of a team. */
export function eventsOf(team: string, more: Query = {}): Query {
  return { ...more, team } as Query;
}
