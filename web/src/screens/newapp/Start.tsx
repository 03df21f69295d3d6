// The first step: a name and a source. Makes the app and its production environment, and has the source looked at.

import { Button, FileInput, SegmentedControl, Stack, TextInput } from "@mantine/core";
import { appCreate, environmentCreate, sourceFetch, sourcePlan, sourceUpload } from "@segue/client";
import { useRef } from "react";
import { fault } from "../../api/problem";
import { Card } from "../../components/Card";
import { Command } from "../../components/Command";
import { Form } from "../../components/Form";
import { type Check, checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import type { Begun } from "./NewApp";
import classes from "./newapp.module.css";

const ENV = "production";
/** The API's bound for an archive. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Makes it; `false`: something of that name is there already. */
async function ensure(make: Promise<unknown>): Promise<boolean> {
  try {
    await make;
    return true;
  } catch (error) {
    if (fault(error).code !== "name_taken") throw error;
    return false;
  }
}

/** What is wrong with an archive before it is sent. */
export function archiveFault(file: File | null): string | null {
  if (!file) return "Choose an archive.";
  if (file.size === 0) return "The file is empty.";
  return file.size > MOST_BYTES ? "At most 256 MiB." : null;
}

export function Start({ team, onBegun }: { team: string; onBegun: (begun: Begun) => void }) {
  /** Apps that this page has made: a second try goes on with them. */
  const made = useRef(new Set<string>());
  const only =
    (kind: string, check: Check) =>
    (value: string, values: { kind: string }): string | null =>
      values.kind === kind ? check(value) : null;
  const handle = useApiForm({
    initial: { name: "", kind: "archive", file: null as File | null, image: "", url: "", ref: "" },
    validate: {
      name: checks.AppCreate.name,
      file: (file, { kind }) => (kind === "archive" ? archiveFault(file) : null),
      url: only("address", checks.SourceFetch.url),
      ref: only("address", checks.SourceFetch.ref),
      image: only("image", checks.DeploymentCreate.image),
    },
    codes: { archive_refused: "file", body_too_large: "file", fetch_failed: "url" },
    send: async ({ name, kind, file, image, url, ref }) => {
      if (await ensure(appCreate({ path: { team }, body: { name }, throwOnError: true })))
        made.current.add(name);
      const path = { team, app: name };
      await ensure(
        environmentCreate({ path, body: { name: ENV, kind: "production" }, throwOnError: true }),
      );
      const begun = { app: name, env: ENV, there: !made.current.has(name) };
      if (kind === "image") {
        onBegun({ ...begun, image: image.trim() });
        return;
      }
      const { data: source } =
        kind === "address"
          ? await sourceFetch({
              path,
              body: { url: url.trim(), ref: ref.trim() || undefined },
              throwOnError: true,
            })
          : await sourceUpload({ path, body: file as File, throwOnError: true });
      const { data: plan } = await sourcePlan({
        path: { ...path, sha256: source.sha256 },
        query: { environment: ENV },
        throwOnError: true,
      });
      onBegun({ ...begun, plan });
    },
  });
  const { form, busy } = handle;
  const { kind } = form.values;
  return (
    <Card title="Where does it come from?">
      <Form of={handle}>
        <Stack gap="md" className={classes.form}>
          <TextInput
            label="Name of the app"
            description="Also the first part of its address: shop."
            autoComplete="off"
            {...form.getInputProps("name")}
          />
          <SegmentedControl
            aria-label="Source"
            {...form.getInputProps("kind")}
            data={[
              { value: "archive", label: "Archive" },
              { value: "address", label: "Git" },
              { value: "image", label: "Image" },
              { value: "git", label: "Push" },
            ]}
          />
          {kind === "archive" && (
            <FileInput
              label="Archive of the folder"
              description="A .tar or .tar.gz, made in the folder of the app: tar czf ../app.tar.gz ."
              placeholder="Choose a file"
              accept=".tar,.tgz,.gz,application/x-tar,application/gzip"
              {...form.getInputProps("file")}
            />
          )}
          {kind === "address" && (
            <>
              <TextInput
                label="Address of the repository"
                placeholder="https://git.example.com/shop.git"
                description="Over http or https, reachable from this server."
                autoComplete="off"
                spellCheck={false}
                {...form.getInputProps("url")}
              />
              <TextInput
                label="Branch, tag or commit"
                description="Empty: what the repository shows first."
                autoComplete="off"
                spellCheck={false}
                {...form.getInputProps("ref")}
              />
            </>
          )}
          {kind === "image" && (
            <TextInput
              label="Image"
              description="Its name with a tag or digest; it is pinned when it is deployed."
              autoComplete="off"
              spellCheck={false}
              {...form.getInputProps("image")}
            />
          )}
          {kind === "git" ? (
            <>
              <span>In the folder of the app; the first push makes the app and deploys it:</span>
              <Command text={`segue init && git push segue main`} />
            </>
          ) : (
            <Button type="submit" loading={busy}>
              Go on
            </Button>
          )}
        </Stack>
      </Form>
    </Card>
  );
}
