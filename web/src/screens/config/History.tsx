// Versions of the configuration, newest first, each with what it changed.

import type { ConfigGetResponse as Config } from "@segue/client";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import { difference, type Patch, type Values } from "../../lib/configdiff";
import own from "./config.module.css";
import { Diff } from "./Diff";

export interface HistoryProps {
  versions: Config[];
  current: Values;
  why?: string;
  onRestore: (patch: Patch) => void;
}

/** What leads from the present values to older ones. */
function back(current: Values, old: Values): Patch {
  return Object.fromEntries(
    difference(current, old).map((change) => [change.key, change.after ?? null]),
  );
}

export function History({ versions, current, why, onRestore }: HistoryProps) {
  if (versions.length === 0) return null;
  return (
    <Card title="History" flush>
      <ol className={own.history}>
        {versions.map((version, index) => {
          const before = versions[index + 1];
          const last = before === undefined && version.version > 1;
          return (
            <li key={version.version}>
              <header>
                <span>
                  <strong>version {version.version}</strong> by {version.created_by ?? "–"}
                  {version.created_at && (
                    <>
                      , <Ago at={version.created_at} />
                    </>
                  )}
                </span>
                {index > 0 && (
                  <Act
                    size="compact-sm"
                    variant="subtle"
                    why={why}
                    onClick={() => onRestore(back(current, version.values))}
                  >
                    Bring back
                  </Act>
                )}
              </header>
              {last ? (
                "Older versions are not listed here."
              ) : (
                <Diff changes={difference(before?.values ?? {}, version.values)} />
              )}
            </li>
          );
        })}
      </ol>
    </Card>
  );
}
