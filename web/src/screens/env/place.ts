// The environment that the address names.

import { environmentGetOptions } from "@segue/client/query";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useHold } from "../../api/holds";
import { useTeam, useWhyNot } from "../../api/hooks";
import type { Deed } from "../../api/may";
import { holdSentence } from "../../lib/holds";

/** Names of team, app and environment, as paths of the API take them. */
export interface Place {
  team: string;
  app: string;
  env: string;
}

/** Where the page is. */
export function usePlace(): Place {
  const { name } = useTeam();
  const { app = "", env = "" } = useParams({ strict: false }) as { app?: string; env?: string };
  return { team: name, app, env };
}

/** Flags of the command line that name the place. */
export function flags(place: Place): string {
  return `-a ${place.app} -e ${place.env} -t ${place.team}`;
}

/** The environment; its screens are shown only once it is there. */
export function useEnv() {
  return useSuspenseQuery(environmentGetOptions({ path: usePlace() })).data;
}

/** Why something may not be done in this environment. */
export function useWhyNotHere(): (deed: Deed) => string | undefined {
  const whyNot = useWhyNot();
  const env = useEnv();
  return (deed) => whyNot(deed, env.protected);
}

/** Why nothing is deployed here at present, whoever asks; the way back to an older release stays open. */
export function useHeld(): string | undefined {
  const place = usePlace();
  const hold = useHold(place, useEnv().id);
  return hold && holdSentence(hold);
}
