// Members of the team and their roles.

import { memberRemove } from "@segue/client";
import { memberListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSession, useTeam, useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Card, Table } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { Loading } from "../../components/Loading";

export function Members() {
  const team = useTeam();
  const session = useSession();
  const why = useWhyNot()("members");
  const list = useQuery(memberListOptions({ path: { team: team.name } }));
  const [removing, setRemoving] = useState<{ user: string; email: string }>();
  const me = session.status === "signed-in" ? session.user.id : "";
  return (
    <Card title="Members" flush>
      {list.isPending && <Loading />}
      {list.isError && <FaultBox error={list.error} onRetry={() => list.refetch()} />}
      {list.data && (
        <Table label="Members" head={["Person", "Role", ""]}>
          {list.data.items.map((member) => (
            <tr key={member.user}>
              <td>
                <strong>{member.name || member.email}</strong>
                <div className={classes.reason}>{member.email}</div>
              </td>
              <td>{member.role}</td>
              <td>
                <Act
                  size="compact-sm"
                  variant="subtle"
                  color="red"
                  why={why ?? (member.user === me ? "That is you." : undefined)}
                  onClick={() => setRemoving(member)}
                  aria-label={`Remove ${member.email}`}
                >
                  Remove
                </Act>
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Remove ${removing?.email}?`}
        deed="Remove from the team"
        onConfirm={async () => {
          await memberRemove({
            path: { team: team.name, user: removing?.user ?? "" },
            throwOnError: true,
          });
          await list.refetch();
        }}
      >
        They lose sight of every app of {team.name} at once, and their tokens of this team end. What
        they deployed goes on.
      </Confirm>
    </Card>
  );
}
