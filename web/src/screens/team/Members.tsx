// Members of the team and their roles.

import { Group, NativeSelect } from "@mantine/core";
import {
  type Member,
  memberRemove,
  memberUpdate,
  type ResetLink,
  resetLinkCreate,
} from "@segue/client";
import { memberListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSession, useTeam, useWhyNot } from "../../api/hooks";
import { ROLES } from "../../api/may";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { FaultBox } from "../../components/FaultBox";
import { Listing } from "../../components/Listing";
import { Once } from "../../components/Once";

export function Members() {
  const team = useTeam();
  const session = useSession();
  const why = useWhyNot()("members");
  const list = useQuery(memberListOptions({ path: { team: team.name }, query: { limit: 100 } }));
  const items = list.data?.items ?? [];
  const [removing, setRemoving] = useState<Member>();
  const [resetting, setResetting] = useState<Member>();
  const [made, setMade] = useState<ResetLink & { email: string }>();
  const [error, setError] = useState<unknown>();
  const me = session.status === "signed-in" ? session.user.id : "";
  const mine = ROLES.indexOf((team.role ?? "viewer") as (typeof ROLES)[number]);
  const give = async (member: Member, role: string) => {
    setError(undefined);
    try {
      await memberUpdate({
        path: { team: team.name, user: member.user },
        body: { role },
        throwOnError: true,
      });
    } catch (caught) {
      setError(caught);
    }
    await list.refetch();
  };
  return (
    <>
      {made && (
        <Once
          title={`A link for ${made.email}.`}
          parts={[["The link for a new password", made.link]]}
          onDone={() => setMade(undefined)}
        >
          Give it to them and to nobody else: whoever opens it sets their password. It is shown only
          now, works once, and for an hour.{made.mailed && " It was sent to their address too."}
        </Once>
      )}
      <Card title="Members" flush>
        {error !== undefined && <FaultBox error={error} />}
        <Listing
          of={list}
          count={items.length}
          none="Nobody."
          label="Members"
          head={["Person", "Role in the team", "On single apps", ""]}
        >
          {items.map((member) => {
            const fixed = why ?? (member.user === me ? "That is you." : undefined);
            const single = member.roles.filter((one) => one.app !== undefined);
            return (
              <tr key={member.user}>
                <td>
                  <strong>{member.name || member.email}</strong>
                  <div className={classes.reason}>{member.email}</div>
                </td>
                <td>
                  {fixed || member.role === undefined ? (
                    (member.role ?? "none")
                  ) : (
                    <NativeSelect
                      aria-label={`Role of ${member.email}`}
                      value={member.role}
                      // Nobody gives more than he has.
                      data={ROLES.filter((role, rank) => rank <= mine || role === member.role)}
                      onChange={(event) => void give(member, event.currentTarget.value)}
                    />
                  )}
                </td>
                <td>
                  {single.length === 0
                    ? "–"
                    : single.map((one) => (
                        <div key={`${one.app} ${one.environment}`}>
                          {one.role} on {one.app}
                          {one.environment ? ` ${one.environment}` : ""}
                        </div>
                      ))}
                </td>
                <td>
                  <Group gap={4} wrap="nowrap" justify="flex-end">
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      why={member.user === me ? "Your own is changed under Account." : why}
                      onClick={() => setResetting(member)}
                      aria-label={`New password for ${member.email}`}
                    >
                      New password
                    </Act>
                    <Act
                      size="compact-sm"
                      variant="subtle"
                      color="red"
                      why={fixed}
                      onClick={() => setRemoving(member)}
                      aria-label={`Remove ${member.email}`}
                    >
                      Remove
                    </Act>
                  </Group>
                </td>
              </tr>
            );
          })}
        </Listing>
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
          They lose sight of every app of {team.name} at once, and their tokens of this team end.
          What they deployed goes on.
        </Confirm>
        <Confirm
          opened={resetting !== undefined}
          onClose={() => setResetting(undefined)}
          title={`A link for a new password of ${resetting?.email}?`}
          deed="Make the link"
          harmless
          onConfirm={async () => {
            const { data } = await resetLinkCreate({
              path: { team: team.name, user: resetting?.user ?? "" },
              throwOnError: true,
            });
            setMade({ ...data, email: resetting?.email ?? "" });
          }}
        >
          Whoever holds the link sets the password of {resetting?.email}, and is then signed in
          nowhere but where they sign in anew. Until it is used nothing changes.
        </Confirm>
      </Card>
    </>
  );
}
