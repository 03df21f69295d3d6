// The beginning: styles, providers, router.

import "@mantine/core/styles/baseline.css";
import "@mantine/core/styles/default-css-variables.css";
import "@mantine/core/styles/global.css";
import "./app/mantine.css";
import "./app/theme.css";
import "./api/http";

import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { worthRetry } from "./api/problem";
import { current, subscribe } from "./api/session";
import { router } from "./app/router";
import { theme } from "./app/theme";
import { Toasts } from "./components/toast";
import { chunk } from "./lib/chunk";

// Those that the page began with, if they were cut off.
void chunk(async () => undefined).catch(() => undefined);

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // The stream says when something is stale; this bridges what it does not tell of.
      staleTime: 10_000,
      networkMode: "always",
      retry: (failures, error) => failures < 2 && worthRetry(error),
    },
    mutations: { networkMode: "always" },
  },
});

// Whoever signs out sees the sign-in, and nothing of the last person stays in memory. A session that merely ended keeps
// its page, hidden, until the person has signed in again.
let was = current();
subscribe(() => {
  const now = current();
  const before = was;
  was = now;
  if (before.status === "signed-in" && now.status === "signed-in") {
    // Another person, from another tab: nothing here is theirs.
    if (before.user.id !== now.user.id) window.location.assign("/apps");
    return;
  }
  if (now.status === before.status) return;
  if (before.status === "signed-in") queries.clear();
  void router.invalidate();
});

const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <Toasts />
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
