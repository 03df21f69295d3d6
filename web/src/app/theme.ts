// The look, as far as Mantine has to know it. Colours and sizes that differ from its defaults are in theme.css,
// because the page's policy allows no style elements made by scripts.

import { createTheme } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "indigo",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, Ubuntu, Cantarell, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, 'DejaVu Sans Mono', monospace",
  defaultRadius: "md",
  cursorType: "pointer",
  // Plain objects: naming the parts here would load them with the first page.
  components: {
    // Scroll locking by style elements is what the policy forbids.
    Modal: { defaultProps: { lockScroll: false, centered: true } },
    Tooltip: { defaultProps: { multiline: true, maw: 320, withArrow: true } },
  },
});
