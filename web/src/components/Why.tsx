// The words beside what cannot be used, for whoever points at it or reaches it by keyboard.

import { Tooltip } from "@mantine/core";
import type { ReactElement } from "react";

export default function Why({ label, children }: { label: string; children: ReactElement }) {
  return (
    <Tooltip label={label} events={{ hover: true, focus: true, touch: true }}>
      {children}
    </Tooltip>
  );
}
