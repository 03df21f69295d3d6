// A command that can be copied.

import { ActionIcon, CopyButton } from "@mantine/core";
import classes from "./components.module.css";
import { IconCheck, IconCopy } from "./icons";

export function Command({ text, label }: { text: string; label?: string }) {
  return (
    <div className={classes.command}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className={classes.code} tabIndex={0} role="group" aria-label={label ?? "Command"}>
        <code>{text}</code>
      </div>
      <CopyButton value={text} timeout={1500}>
        {({ copied, copy }) => (
          <ActionIcon
            variant="subtle"
            color="gray"
            onClick={copy}
            aria-label={copied ? "Copied" : `Copy ${text}`}
            title={copied ? "Copied" : "Copy"}
          >
            {copied ? <IconCheck /> : <IconCopy />}
          </ActionIcon>
        )}
      </CopyButton>
    </div>
  );
}
