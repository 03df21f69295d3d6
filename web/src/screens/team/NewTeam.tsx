// A new team, whose owner is whoever makes it.

import { Button, TextInput } from "@mantine/core";
import { type Team, teamCreate } from "@segue/client";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { refresh } from "../../api/session";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Once } from "../../components/Once";
import { Page } from "../../components/Page";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

export function NewTeam() {
  const [made, setMade] = useState<Team>();
  const [taken, setTaken] = useState(false);
  const handle = useApiForm({
    initial: { name: "" },
    validate: checks.TeamCreate,
    send: async (body) => {
      const { data } = await teamCreate({ body, throwOnError: true });
      await refresh();
      setMade(data);
    },
  });
  const { form, busy } = handle;
  return (
    <Page title="New team" sub="You become its owner" command="segue teams create NAME">
      {made ? (
        <>
          {!taken && (
            <Once
              title={`Team ${made.name} is made.`}
              parts={[["Its first token", made.token]]}
              onDone={() => setTaken(true)}
            >
              This token is an owner’s; it is shown only now, and may be revoked under Account.
            </Once>
          )}
          <Card title="What now">
            <Link to="/apps" search={{ team: made.name }}>
              To the apps of {made.name}
            </Link>
          </Card>
        </>
      ) : (
        <Card title="Name" flush>
          <Form of={handle} className={classes.form}>
            <TextInput
              label="Name of the new team"
              description="Small letters, digits and dashes. It stays with the team for ever."
              autoComplete="off"
              data-autofocus
              {...form.getInputProps("name")}
            />
            <Button type="submit" loading={busy}>
              Make the team
            </Button>
          </Form>
        </Card>
      )}
    </Page>
  );
}
