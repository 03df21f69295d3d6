// The first step: a name and a source. Makes the app and its production environment, and has the source looked at.

import { Button, FileInput, SegmentedControl, Stack, TextInput } from "@mantine/core";
import { appCreate, environmentCreate, sourceFetch, sourcePlan, sourceUpload } from "@segue/client";
import { useState } from "react";
import { fault } from "../../api/problem";
import { Card } from "../../components/Card";
import { Command } from "../../components/Command";
import { FormFault } from "../../components/FormFault";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import type { Begun } from "./NewApp";
import classes from "./newapp.module.css";

const ENV = "production";
/** The API's bound for an archive. */
const MOST_BYTES = 256 * 1024 * 1024;

/** An app or environment that is there already is what we want. */
async function ensure(make: Promise<unknown>): Promise<void> {
  try {
    await make;
  } catch (error) {
    if (String(fault(error).code) !== "name_taken") throw error;
  }
}

export function Start({ team, onBegun }: { team: string; onBegun: (begun: Begun) => void }) {
  const [kind, setKind] = useState("archive");
  const [file, setFile] = useState<File | null>(null);
  const [fileFault, setFileFault] = useState<string>();
  const { form, busy, rest, onSubmit } = useApiForm({
    initial: { name: "", image: "", url: "", ref: "" },
    validate: {
      name: checks.AppCreate.name,
      url: (url) =>
        kind !== "address" || /^https?:\/\/[^/\s]+\/\S+$/.test(url.trim())
          ? null
          : "Give an address like https://git.example.com/shop.git.",
      image: (image) =>
        kind === "image" && image.trim() === ""
          ? "Give the name of an image: registry.example.com/shop:1.0."
          : null,
    },
    send: async ({ name, image, url, ref }) => {
      if (kind === "archive") {
        const wrong = !file
          ? "Choose an archive."
          : file.size === 0
            ? "The file is empty."
            : file.size > MOST_BYTES
              ? "At most 256 MiB."
              : undefined;
        setFileFault(wrong);
        if (wrong) return;
      }
      await ensure(appCreate({ path: { team }, body: { name }, throwOnError: true }));
      const path = { team, app: name };
      await ensure(
        environmentCreate({ path, body: { name: ENV, kind: "production" }, throwOnError: true }),
      );
      if (kind === "image") {
        onBegun({ app: name, env: ENV, image: image.trim() });
        return;
      }
      try {
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
        onBegun({ app: name, env: ENV, plan });
      } catch (error) {
        const seen = fault(error);
        if (kind === "archive")
          setFileFault(
            seen.failure ? `${seen.failure.sentence} ${seen.failure.evidence}` : seen.detail,
          );
        throw error;
      }
    },
  });
  return (
    <Card title="Where does it come from?">
      <form onSubmit={onSubmit} noValidate>
        <Stack gap="md" className={classes.form}>
          <FormFault text={rest} />
          <TextInput
            label="Name of the app"
            description="Also the first part of its address: shop."
            maxLength={60}
            autoComplete="off"
            {...form.getInputProps("name")}
          />
          <SegmentedControl
            aria-label="Source"
            value={kind}
            onChange={setKind}
            data={[
              { value: "archive", label: "Archive" },
              { value: "address", label: "Git address" },
              { value: "image", label: "Image" },
              { value: "git", label: "git push" },
            ]}
          />
          {kind === "archive" && (
            <FileInput
              label="Archive of the folder"
              description="A .tar or .tar.gz, made in the folder of the app: tar czf ../app.tar.gz ."
              placeholder="Choose a file"
              accept=".tar,.tgz,.gz,application/x-tar,application/gzip"
              value={file}
              onChange={(next) => {
                setFile(next);
                setFileFault(undefined);
              }}
              error={fileFault}
            />
          )}
          {kind === "address" && (
            <>
              <TextInput
                label="Address of the repository"
                placeholder="https://git.example.com/shop.git"
                description="Over http or https, reachable from this server."
                maxLength={2000}
                autoComplete="off"
                spellCheck={false}
                {...form.getInputProps("url")}
              />
              <TextInput
                label="Branch, tag or commit"
                description="Empty: what the repository shows first."
                maxLength={200}
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
              maxLength={300}
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
      </form>
    </Card>
  );
}
