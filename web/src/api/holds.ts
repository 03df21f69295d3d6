// What stops deployments of an app at present, for components.

import { freezeListOptions, lockGetOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { type Hold, holdNow } from "../lib/holds";
import { useNow } from "../lib/now";

/** Locks and freeze windows of an app. */
export function useHolds(path: { team: string; app: string }) {
  const locks = useQuery({ ...lockGetOptions({ path }), enabled: path.app !== "" });
  const windows = useQuery({
    ...freezeListOptions({ path, query: { limit: 100 } }),
    enabled: path.app !== "",
  });
  return { locks, windows };
}

/** What stops deployments there now; `env` is an environment's id, without one the whole app is meant. */
export function useHold(path: { team: string; app: string }, env?: string): Hold | undefined {
  const { locks, windows } = useHolds(path);
  const now = useNow();
  return holdNow(env, locks.data?.items ?? [], windows.data?.items ?? [], now);
}
