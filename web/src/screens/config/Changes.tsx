// What is about to be saved, and what somebody else saved meanwhile.

import { Button, Group } from "@mantine/core";
import { Act } from "../../components/Act";
import { applied, type Change, difference, type Patch, type Values } from "../../lib/configdiff";
import { count } from "../../lib/format";
import own from "./config.module.css";
import { Diff } from "./Diff";

export interface ChangesProps {
  base: Values;
  patch: Patch;
  news?: { clashes: Change[]; others: Change[] };
  author?: string;
  busy: boolean;
  isProtected: boolean;
  why?: string;
  onDrop: () => void;
  onSave: (deploy: boolean) => Promise<void>;
}

export function Changes({ base, patch, news, author, busy, why, onDrop, onSave }: ChangesProps) {
  const changes = difference(base, applied(base, patch));
  return (
    <section className={own.changes} aria-label="Changes that are not saved">
      <h2>{count(changes.length, "change")}, not saved</h2>
      {news && (news.clashes.length > 0 || news.others.length > 0) && (
        <div className={own.clash} role="alert">
          <h3>{author ?? "Somebody"} saved meanwhile</h3>
          {news.clashes.length > 0 && (
            <>
              <span>The same keys as yours. Saving puts your values in the place of these:</span>
              <Diff changes={news.clashes} />
            </>
          )}
          {news.others.length > 0 && (
            <>
              <span>Other keys; they stay as they are:</span>
              <Diff changes={news.others} />
            </>
          )}
        </div>
      )}
      <Diff changes={changes} />
      <Group gap="sm">
        <Act why={why} loading={busy} onClick={() => void onSave(true)}>
          Save and deploy
        </Act>
        <Act why={why} variant="default" loading={busy} onClick={() => void onSave(false)}>
          Save only
        </Act>
        <Button variant="subtle" color="gray" onClick={onDrop}>
          Drop the changes
        </Button>
      </Group>
    </section>
  );
}
