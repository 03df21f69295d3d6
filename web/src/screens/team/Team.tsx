// The team: members and what they may do.

import { useTeam } from "../../api/hooks";
import { Page } from "../../components/Page";
import { Members } from "./Members";

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
    </Page>
  );
}
