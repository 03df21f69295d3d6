// Changes of a configuration from the first key that is touched until they are saved or dropped. What is sent names
// the version that its author has seen (`If-Match`): whoever saves second sees the difference and chooses.

import { configUpdate, secretSet } from "@segue/client";
import { configGetOptions, configGetQueryKey } from "@segue/client/query";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { fault } from "../../api/problem";
import { toast } from "../../components/toast";
import { applied, effective, meanwhile, type Patch } from "../../lib/configdiff";
import type { Place } from "../env/place";

export function useChanges(place: Place) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const config = useQuery(configGetOptions({ path: place }));
  const [patch, setPatch] = useState<Patch>({});
  /** What the changes were made upon. */
  const [base, setBase] = useState<typeof config.data>();
  /** Clashes that were decided for one's own value, with the version of the other. */
  const [decided, setDecided] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const now = config.data;
  const values = now?.values ?? {};
  const mine = effective(values, patch);
  const moved = base !== undefined && now !== undefined && base.version !== now.version;
  const news = moved ? meanwhile(base.values, values, mine) : undefined;
  const mark = (key: string) => `${now?.version} ${key}`;
  const open = (news?.clashes ?? []).filter((one) => !decided.has(mark(one.key)));
  const stage = (changes: Patch) => {
    if (Object.keys(mine).length === 0) setBase(now);
    setPatch((was) => ({ ...was, ...changes }));
  };
  const leave = (key: string) => setPatch(({ [key]: _, ...others }) => others);
  const drop = () => {
    setPatch({});
    setBase(undefined);
    setError(undefined);
  };
  const choose = (key: string, whose: "mine" | "theirs") => {
    if (whose === "theirs") leave(key);
    else setDecided((was) => new Set(was).add(mark(key)));
  };
  const save = async (deploy: boolean) => {
    if (!now || open.length > 0) return;
    setBusy(true);
    setError(undefined);
    try {
      const { data } = await configUpdate({
        path: place,
        query: { deploy },
        headers: { "If-Match": `"${now.version}"` },
        body: mine,
        throwOnError: true,
      });
      queries.setQueryData(configGetQueryKey({ path: place }), data);
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
      // Somebody was faster: what they changed is shown, and is to be decided.
      if (fault(caught).status === 412) {
        const { data } = await config.refetch();
        // A first try whose answer was lost may have been the faster one.
        if (data && Object.keys(effective(data.values, patch)).length === 0) {
          drop();
          toast({ message: "It is saved already.", color: "green" });
        }
      } else setError(caught);
    } finally {
      setBusy(false);
    }
  };
  /** Keeps a value as a secret instead; what stands in the plain configuration is taken away with the next save. */
  const seal = async (key: string, value: string) => {
    await secretSet({
      path: { ...place, key },
      query: { deploy: false },
      body: { value },
      throwOnError: true,
    });
    await queries.invalidateQueries({ queryKey: [{ _id: "secretList" }] });
    if (key in values) stage({ [key]: null });
    else leave(key);
    toast({
      color: "green",
      message:
        key in values
          ? `${key} is kept as a secret. Save to take the plain value away, and change it where it comes from: others could read it.`
          : `${key} is kept as a secret. It takes effect with the next deployment.`,
    });
  };
  return {
    config,
    values,
    shown: applied(values, patch),
    mine,
    news,
    open,
    busy,
    error,
    stage,
    drop,
    choose,
    save,
    seal,
  };
}
