// Every token of the team: people's own and those of pipelines.

import { teamTokenCreate, teamTokenDelete } from "@segue/client";
import { appListOptions, teamTokenListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useTeam, useWhyNot } from "../../api/hooks";
import { TokenCard } from "../tokens/TokenCard";
import { TeamPage } from "./TeamPage";

export function TeamTokens() {
  const team = useTeam();
  const path = { team: team.name };
  const why = useWhyNot()("members");
  const list = useQuery({
    ...teamTokenListOptions({ path, query: { limit: 100 } }),
    enabled: !why,
  });
  const apps = useQuery(appListOptions({ path, query: { limit: 100 } }));
  return (
    <TeamPage title="Tokens" command={`segue tokens list -t ${team.name}`}>
      <TokenCard
        title="Tokens of the team"
        none="No token yet."
        list={list}
        why={why}
        scopes={["read", "deploy", "write"]}
        apps={apps.data?.items ?? []}
        label="Name of a deploy token"
        onMake={async (wish) => {
          const body = { ...wish, role: "deployer" };
          const { data } = await teamTokenCreate({ path, body, throwOnError: true });
          return data;
        }}
        onRevoke={({ id }) => teamTokenDelete({ path: { ...path, token: id }, throwOnError: true })}
      />
    </TeamPage>
  );
}
