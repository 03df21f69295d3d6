// Invitations that wait for their person, and a new one. Its link is shown once.

import { NativeSelect, TextInput } from "@mantine/core";
import { type Invitation, invitationCreate, invitationDelete } from "@segue/client";
import { appListOptions, invitationListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTeam, useWhyNot } from "../../api/hooks";
import { ROLES } from "../../api/may";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { Once } from "../../components/Once";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

export function Invitations() {
  const team = useTeam();
  const path = { team: team.name };
  const why = useWhyNot()("members");
  const list = useQuery({
    ...invitationListOptions({ path, query: { limit: 100 } }),
    enabled: !why,
  });
  const apps = useQuery(appListOptions({ path, query: { limit: 100 } }));
  const [made, setMade] = useState<Invitation>();
  const [taking, setTaking] = useState<Invitation>();
  const mine = ROLES.indexOf((team.role ?? "viewer") as (typeof ROLES)[number]);
  const handle = useApiForm({
    initial: { email: "", role: "deployer", app: "" },
    validate: checks.InvitationCreate,
    why,
    send: async ({ email, role, app }) => {
      const body = { email: email.trim(), role, app: app || undefined };
      const { data } = await invitationCreate({ path, body, throwOnError: true });
      setMade(data);
      form.reset();
      await list.refetch();
    },
  });
  const { form, busy } = handle;
  const waiting = (list.data?.items ?? []).filter(
    (one) => one.state === "open" || one.state === "pending" || one.state === "waiting",
  );
  return (
    <>
      {made && (
        <Once
          title={`${made.email} is invited.`}
          parts={[["The link", made.link]]}
          onDone={() => setMade(undefined)}
        >
          Send them this link; it is shown only now and works once.
        </Once>
      )}
      <Card title="Invitations" flush>
        <Listing
          of={list}
          count={waiting.length}
          why={why}
          none="Nobody is invited at the moment. Type an address below; the link is yours to send."
          label="Invitations"
          head={["For", "As", "By", "Ends", ""]}
        >
          {waiting.map((one) => (
            <tr key={one.id}>
              <td>{one.email}</td>
              <td>
                {one.role}
                {one.app && ` on ${one.app}`}
                {one.environment && ` ${one.environment}`}
              </td>
              <td>{one.created_by}</td>
              <td>
                <Ago at={one.expires_at} />
              </td>
              <td>
                <Act
                  size="compact-sm"
                  variant="subtle"
                  color="red"
                  why={why}
                  onClick={() => setTaking(one)}
                  aria-label={`Take back the invitation of ${one.email}`}
                >
                  Take back
                </Act>
              </td>
            </tr>
          ))}
        </Listing>
        <Form of={handle} className={classes.form}>
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="off"
            {...form.getInputProps("email")}
          />
          <NativeSelect
            label="Role"
            data={ROLES.filter((_, rank) => rank <= mine)}
            {...form.getInputProps("role")}
          />
          <NativeSelect
            label="On"
            data={[
              { value: "", label: "the whole team" },
              ...(apps.data?.items ?? []).map((app) => ({ value: app.name, label: app.name })),
            ]}
            {...form.getInputProps("app")}
          />
          <Act type="submit" why={why} loading={busy}>
            Invite
          </Act>
        </Form>
      </Card>
      <Confirm
        opened={taking !== undefined}
        onClose={() => setTaking(undefined)}
        title={`Take back the invitation of ${taking?.email}?`}
        deed="Take it back"
        onConfirm={async () => {
          await invitationDelete({
            path: { ...path, invitation: taking?.id ?? "" },
            throwOnError: true,
          });
          await list.refetch();
        }}
      >
        Its link stops working at once.
      </Confirm>
    </>
  );
}
