// The repository that an app is fetched from, and whether a push to its branch is deployed by itself.

import { Button, Checkbox, TextInput } from "@mantine/core";
import { type App, appUpdate } from "@segue/client";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { FormFault } from "../../components/FormFault";
import { toast } from "../../components/toast";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import type { AppPath } from "./AppFrame";

export function Repository({ app, path }: { app: App; path: AppPath }) {
  const why = useWhyNot()("settings");
  const queries = useQueryClient();
  const [auto, setAuto] = useState(app.repo?.auto_deploy ?? true);
  const change = async (repo: { url: string; branch: string; auto_deploy: boolean } | null) => {
    await appUpdate({
      path,
      headers: { "If-Match": `"${app.generation}"` },
      body: { repo },
      throwOnError: true,
    });
    await queries.invalidateQueries();
    toast({
      message: repo ? "The repository is set." : "The app has no repository any more.",
      color: "green",
    });
  };
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { url: app.repo?.url ?? "", branch: app.repo?.branch ?? "main" },
    validate: checks.Repo,
    send: ({ url, branch }) =>
      change({ url: url.trim(), branch: branch.trim(), auto_deploy: auto }),
  });
  return (
    <Card title="Repository elsewhere" flush>
      <form onSubmit={onSubmit} noValidate className={classes.form}>
        <FormFault text={rest} />
        <TextInput
          label="Address"
          placeholder="https://git.example.com/shop.git"
          description="Private ones need a credential of the team."
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("url")}
        />
        <TextInput
          label="Branch"
          description="Its pushes are what is deployed."
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("branch")}
        />
        <Checkbox
          label="Deploy by itself when the branch moves"
          description="Needs a hook below."
          checked={auto}
          onChange={(event) => setAuto(event.currentTarget.checked)}
        />
        <Act type="submit" why={why} loading={busy}>
          {app.repo ? "Change it" : "Set it"}
        </Act>
        {app.repo && !why && (
          <Button
            variant="subtle"
            color="red"
            onClick={() =>
              void change(null).then(
                () => form.setValues({ url: "", branch: "main" }),
                (error: unknown) => form.setFieldError("url", String((error as Error).message)),
              )
            }
          >
            Remove it
          </Button>
        )}
      </form>
    </Card>
  );
}
