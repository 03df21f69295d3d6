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
    Modal: {
      defaultProps: {
        lockScroll: false,
        centered: true,
        // A dialog's head is not the page's.
        attributes: { header: { role: "presentation" } },
      },
    },
    // In the place that they explain, not at the page's end: they belong to its landmarks.
    Tooltip: {
      defaultProps: {
        multiline: true,
        maw: 320,
        withArrow: true,
        withinPortal: false,
        floatingStrategy: "fixed",
      },
    },
  },
});
