// What is about to be saved, what of it should be a secret, and what somebody else saved meanwhile.

import { Button, Group } from "@mantine/core";
import { Act } from "../../components/Act";
import { SecretHint } from "../../components/SecretHint";
import { applied, difference } from "../../lib/configdiff";
import { count } from "../../lib/format";
import own from "./config.module.css";
import { Diff } from "./Diff";
import type { useChanges } from "./useChanges";

export interface ChangesProps {
  changes: ReturnType<typeof useChanges>;
  /** Who saved the newest version. */
  author?: string;
  why?: string;
  /** Why nothing is deployed at present. */
  whyDeploy?: string;
  whySeal?: string;
}

export function Changes({ changes, author, why, whyDeploy, whySeal }: ChangesProps) {
  const { values, mine, news, open, busy, choose, save, seal, drop } = changes;
  const diff = difference(values, applied(values, mine));
  const undecided =
    open.length > 0 ? `Choose first, for ${open.map((one) => one.key).join(", ")}.` : undefined;
  return (
    <section className={own.changes} aria-label="Changes that are not saved">
      <h2>{count(diff.length, "change")}, not saved</h2>
      {news && (news.clashes.length > 0 || news.others.length > 0) && (
        <div className={own.clash} role="alert">
          <h3>{author ?? "Somebody"} saved meanwhile</h3>
          {news.clashes.map((one) => (
            <div key={one.key}>
              <span>The same key as yours:</span>
              <Diff changes={[one]} />
              {open.includes(one) ? (
                <Group gap="sm" mt={4}>
                  <Button
                    size="compact-sm"
                    variant="default"
                    onClick={() => choose(one.key, "mine")}
                  >
                    Keep my {one.key}
                  </Button>
                  <Button
                    size="compact-sm"
                    variant="default"
                    onClick={() => choose(one.key, "theirs")}
                  >
                    Take their {one.key}
                  </Button>
                </Group>
              ) : (
                <span>Yours takes its place when you save.</span>
              )}
            </div>
          ))}
          {news.others.length > 0 && (
            <>
              <span>Other keys; they stay as they are:</span>
              <Diff changes={news.others} />
            </>
          )}
        </div>
      )}
      <Diff changes={diff} />
      {diff.map(({ key, after }) =>
        after === undefined ? null : (
          <SecretHint
            key={key}
            name={key}
            value={after}
            why={whySeal}
            onSeal={() => seal(key, after)}
          />
        ),
      )}
      <Group gap="sm">
        <Act why={why ?? undecided ?? whyDeploy} loading={busy} onClick={() => void save(true)}>
          Save and deploy
        </Act>
        <Act
          why={why ?? undecided}
          variant="default"
          loading={busy}
          onClick={() => void save(false)}
        >
          Save only
        </Act>
        <Button variant="subtle" color="gray" onClick={drop}>
          Drop the changes
        </Button>
      </Group>
    </section>
  );
}
