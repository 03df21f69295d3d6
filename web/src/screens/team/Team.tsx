// The team: members and what they may do, and who is invited.

import { useTeam } from "../../api/hooks";
import { Invitations } from "./Invitations";
import { Members } from "./Members";
import { TeamPage } from "./TeamPage";

export function Team() {
  const team = useTeam();
  return (
    <TeamPage title="Members" command={`segue teams members -t ${team.name}`}>
      <Members />
      <Invitations />
    </TeamPage>
  );
}
