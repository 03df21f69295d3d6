// The person's own things: name, password, sessions, tokens.

import { useSession, useTeam } from "../../api/hooks";
import { Page } from "../../components/Page";
import { Password, Profile } from "./Profile";
import { Sessions } from "./Sessions";
import { Tokens } from "./Tokens";

export function Account() {
  const session = useSession();
  const team = useTeam();
  if (session.status !== "signed-in") return null;
  return (
    <Page title="Account" sub={session.user.email} command="segue whoami">
      <Profile name={session.user.name} />
      <Password />
      <Sessions />
      <Tokens team={team.name} />
    </Page>
  );
}
