// Ctrl-K: goes to any app, environment or page by a few letters.

import { Modal, TextInput } from "@mantine/core";
import { appListOptions, environmentListOptions } from "@segue/client/query";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useId, useState } from "react";
import { useTeam } from "../../api/hooks";
import { signOut } from "../../api/session";
import { rank } from "../../lib/search";
import classes from "./palette.module.css";

interface Entry {
  label: string;
  hint: string;
  run: () => void;
}

const PARTS = [
  ["Overview", ""],
  ["Deployments", "/deployments"],
  ["Logs", "/logs"],
  ["Config", "/config"],
  ["Secrets", "/secrets"],
  ["Releases", "/releases"],
  ["Runs", "/runs"],
  ["Settings", "/settings"],
] as const;

const APP_PARTS = [
  ["Environments", ""],
  ["Sources, hooks, previews", "/-/sources"],
  ["Locks and freeze windows", "/-/holds"],
  ["Settings", "/-/settings"],
] as const;

const MOST = 40;

export default function Palette({ onClose }: { onClose: () => void }) {
  const team = useTeam();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const apps = useQuery(appListOptions({ path: { team: team.name }, query: { limit: 100 } }));
  const names = (apps.data?.items ?? []).map((app) => app.name);
  const envs = useQueries({
    queries: names.map((app) =>
      environmentListOptions({ path: { team: team.name, app }, query: { limit: 100 } }),
    ),
  });
  const go = (href: string) => () => {
    onClose();
    void navigate({ href: `${href}?team=${team.name}` });
  };
  const entries: Entry[] = [
    { label: "Apps", hint: "page", run: go("/apps") },
    { label: "New app", hint: "page", run: go("/apps/new") },
    { label: "Activity", hint: "page", run: go("/activity") },
    { label: "Hosts", hint: "page", run: go("/hosts") },
    { label: "Team", hint: "page", run: go("/team") },
    { label: "Tokens of the team", hint: "page", run: go("/team/tokens") },
    { label: "Credentials of registries and git", hint: "page", run: go("/team/credentials") },
    { label: "Notifications and webhooks", hint: "page", run: go("/team/notifications") },
    { label: "Quota and name of the team", hint: "page", run: go("/team/settings") },
    { label: "Audit log", hint: "page", run: go("/team/audit") },
    { label: "API reference", hint: "page", run: () => window.location.assign("/docs/api") },
    { label: "Account and tokens", hint: "page", run: go("/account") },
    ...names.flatMap((app) =>
      APP_PARTS.map(([part, path]) => ({
        label: `${app} ${part}`,
        hint: "app",
        run: go(`/apps/${app}${path}`),
      })),
    ),
    ...names.flatMap((app, index) =>
      (envs[index]?.data?.items ?? []).flatMap((env) =>
        PARTS.map(([part, path]) => ({
          label: `${app} ${env.name} ${part}`,
          hint: "app",
          run: go(`/apps/${app}/${env.name}${path}`),
        })),
      ),
    ),
    { label: "Sign out", hint: "act", run: () => void signOut() },
  ];
  const shown = rank(entries, text, (entry) => entry.label).slice(0, MOST);
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt((was) => Math.min(was + 1, shown.length - 1));
    else if (event.key === "ArrowUp") setAt((was) => Math.max(was - 1, 0));
    else if (event.key === "Enter") shown[at]?.run();
    else return;
    event.preventDefault();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title="Search and go"
      centered={false}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <TextInput
        placeholder="An app, an environment, a page"
        aria-label="Search"
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={shown[at] ? `${list}-${at}` : undefined}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={press}
        data-autofocus
      />
      <div id={list} role="listbox" aria-label="Results" className={classes.list}>
        {shown.map((entry, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the input's
          <div
            key={entry.label}
            id={`${list}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            className={classes.entry}
            onClick={entry.run}
            onMouseMove={() => setAt(index)}
          >
            <span>{entry.label}</span>
            <small>{entry.hint}</small>
          </div>
        ))}
        {shown.length === 0 && <div className={classes.none}>Nothing is called that.</div>}
      </div>
    </Modal>
  );
}
