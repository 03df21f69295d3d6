// The team: members and what they may do, invitations, tokens, quota, audit.

import { useTeam } from "../../api/hooks";
import { Page } from "../../components/Page";
import { Audit } from "./Audit";
import { Invitations } from "./Invitations";
import { Members } from "./Members";
import { Quota } from "./Quota";
import { TeamTokens } from "./Tokens";

export function Team() {
  const team = useTeam();
  return (
    <Page
      title={`Team ${team.name}`}
      name="Team"
      sub={`You are ${team.role ?? "member of single apps"}`}
      command={`segue teams members -t ${team.name}`}
    >
      <Members />
      <Invitations />
      <TeamTokens />
      <Quota />
      <Audit />
    </Page>
  );
}
