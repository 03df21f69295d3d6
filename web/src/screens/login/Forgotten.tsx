// The way out for whoever forgot the password: a link by mail, or by somebody who may make one. The server's answer is the
// same for every address, and so is what stands here.

import { Button, Stack, TextInput } from "@mantine/core";
import { resetRequest } from "@segue/client";
import { useState } from "react";
import { Form } from "../../components/Form";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";

export function Forgotten() {
  const [asked, setAsked] = useState<string>();
  const handle = useApiForm({
    initial: { email: "" },
    validate: checks.ResetRequest,
    send: async ({ email }) => {
      await resetRequest({ body: { email: email.trim() }, throwOnError: true });
      setAsked(email.trim());
    },
  });
  return (
    <details>
      <summary>Password forgotten?</summary>
      <Stack gap="md" mt="md">
        {asked ? (
          <p role="status">
            If somebody signs in as {asked}, a letter with a link is on its way there. The link is
            good once, and for an hour; one letter in ten minutes is sent.
          </p>
        ) : (
          <Form of={handle}>
            <Stack gap="md">
              <TextInput
                label="Address of your account"
                type="email"
                autoComplete="username"
                {...handle.form.getInputProps("email")}
              />
              <Button type="submit" variant="default" loading={handle.busy} fullWidth>
                Send me a link
              </Button>
            </Stack>
          </Form>
        )}
        <span>
          No letter? An admin of your team makes a link too, under Team, Members. The only owner
          makes one on the server: <code>segue admin reset-password {"<e-mail>"}</code>
        </span>
      </Stack>
    </details>
  );
}
