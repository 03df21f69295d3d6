// What the team may use, its name, and its end.

import { teamDelete, teamUpdate } from "@segue/client";
import { appListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTeam, useWhyNot } from "../../api/hooks";
import { refresh } from "../../api/session";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Rename } from "../../components/Rename";
import { checks } from "../../lib/checks";
import { Quota } from "./Quota";
import { TeamPage } from "./TeamPage";

function Name({ team, why }: { team: string; why?: string }) {
  const navigate = useNavigate();
  return (
    <Rename
      label="Name of the team"
      effect="Git remotes and addresses of the API with the old name end at once."
      name={team}
      check={checks.TeamUpdate.name}
      why={why}
      reread={refresh}
      onRename={async (name) => {
        const { data } = await teamUpdate({ path: { team }, body: { name }, throwOnError: true });
        await refresh();
        await navigate({ to: "/team/settings", search: { team: data.name }, replace: true });
      }}
    />
  );
}

export function TeamSettings() {
  const team = useTeam();
  const why = useWhyNot()("team");
  const navigate = useNavigate();
  const apps = useQuery(appListOptions({ path: { team: team.name }, query: { limit: 100 } }));
  const [removing, setRemoving] = useState(false);
  const some = (apps.data?.items.length ?? 0) > 0;
  return (
    <TeamPage title="Quota and name" command={`segue teams quota -t ${team.name}`}>
      <Quota />
      <Name key={team.name} team={team.name} why={why} />
      <Card title="Delete the team" flush>
        <div className={classes.form}>
          <span>A team without apps can be deleted. Its name stays its own for ever.</span>
          <Act
            color="red"
            variant="default"
            why={why ?? (some ? "It has apps; delete those first." : undefined)}
            onClick={() => setRemoving(true)}
          >
            Delete the team
          </Act>
        </div>
      </Card>
      <Confirm
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Delete team ${team.name}?`}
        deed="Delete it for good"
        type={team.name}
        onConfirm={async () => {
          await teamDelete({ path: { team: team.name }, throwOnError: true });
          await refresh();
          await navigate({ to: "/apps", search: {}, replace: true });
        }}
      >
        Members lose it, and its tokens, credentials and notifications end. This cannot be taken
        back.
      </Confirm>
    </TeamPage>
  );
}
