// The repository that an app is fetched from, and whether a push to its branch is deployed by itself.

import { Checkbox, TextInput } from "@mantine/core";
import { type App, appUpdate } from "@segue/client";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { toast } from "../../components/toast";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import type { AppPath } from "./AppFrame";

export function Repository({ app, path }: { app: App; path: AppPath }) {
  const why = useWhyNot()("settings");
  const queries = useQueryClient();
  const [removing, setRemoving] = useState(false);
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
  const handle = useApiForm({
    initial: {
      url: app.repo?.url ?? "",
      branch: app.repo?.branch ?? "main",
      auto_deploy: app.repo?.auto_deploy ?? true,
    },
    validate: checks.Repo,
    why,
    pointers: { "repo.url": "url", "repo.branch": "branch", repo: "url" },
    reread: () => queries.invalidateQueries({ queryKey: [{ _id: "appGet" }] }),
    send: ({ url, branch, auto_deploy }) =>
      change({ url: url.trim(), branch: branch.trim(), auto_deploy }),
  });
  const { form, busy } = handle;
  return (
    <Card title="Repository elsewhere" flush>
      <Form of={handle} className={classes.form}>
        <TextInput
          label="Address"
          placeholder="https://git.example.com/shop.git"
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("url")}
        />
        <TextInput
          label="Branch"
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("branch")}
        />
        <Checkbox
          label="Deploy by itself when the branch moves"
          {...form.getInputProps("auto_deploy", { type: "checkbox" })}
        />
        <Act type="submit" why={why} loading={busy}>
          {app.repo ? "Change it" : "Set it"}
        </Act>
        {app.repo && (
          <Act variant="subtle" color="red" why={why} onClick={() => setRemoving(true)}>
            Remove it
          </Act>
        )}
        <span className={classes.line}>
          A private repository needs a credential of the team. Pushes are told by a hook, below.
        </span>
      </Form>
      <Confirm
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove the repository of ${path.app}?`}
        deed="Remove it"
        onConfirm={() => change(null)}
      >
        Pushes there are not deployed any more. What runs goes on; the app is deployed by{" "}
        <code>segue up</code> and <code>git push</code> as before.
      </Confirm>
    </Card>
  );
}
