// A page of the dashboard in a test: the real addresses, the real client, a server that does as it is told.
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRouter, RouterProvider } from "@tanstack/react-router";
import { act, cleanup, fireEvent, render, waitFor } from "@testing-library/react";
import { vi } from "vitest";
import "../api/http";
import { forget, refresh } from "../api/session";
import { router as real } from "../app/router";
import { theme } from "../app/theme";
import { Toasts } from "../components/toast";
import type { Server } from "./server";

/** What a browser has and jsdom has not. */
function browser() {
  vi.stubGlobal("matchMedia", (query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
  }));
  class Observer {
    observe() {}
    unobserve() {}
    disconnect() {}
  }
  vi.stubGlobal("ResizeObserver", Observer);
  vi.stubGlobal("scrollTo", () => undefined);
  Element.prototype.scrollIntoView = () => undefined;
}

let queries: QueryClient | undefined;

/** Opens an address with nothing left of the page before. */
export async function open(server: Server, address: string): Promise<void> {
  close();
  browser();
  vi.stubGlobal("fetch", server.fetch);
  window.history.replaceState(null, "", address);
  if (!server.anonymous) await refresh();
  const mine = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  queries = mine;
  const router = createRouter({
    routeTree: real.options.routeTree,
    history: createMemoryHistory({ initialEntries: [address] }),
  });
  // What the address needs is loaded first, as the browser does with a page that is opened.
  await router.load();
  render(
    <MantineProvider theme={theme} env="test">
      <Toasts />
      <QueryClientProvider client={mine}>
        {/* The addresses are the same; only where they are kept differs. */}
        <RouterProvider router={router as unknown as typeof real} />
      </QueryClientProvider>
    </MantineProvider>,
  );
}

/** Ends the page. */
export function close(): void {
  cleanup();
  queries?.clear();
  queries = undefined;
  forget();
  localStorage.clear();
}

const FAST = { timeout: 30_000, interval: 25 };

/** Waits until something holds. */
export function until<T>(holds: () => T): Promise<T> {
  return waitFor(holds, FAST);
}

const textOf = (element: Element | null | undefined) => (element?.textContent ?? "").trim();

/** The `index`-th button of that name, once it is there. */
export function button(name: string, index = 0): Promise<HTMLButtonElement> {
  return until(() => {
    const all = [...document.querySelectorAll("button")].filter((one) => textOf(one) === name);
    const found = all[index];
    if (!found)
      throw new Error(
        `no button “${name}” in: ${textOf(document.querySelector("#main") ?? document.body.lastElementChild).slice(0, 800)}`,
      );
    return found;
  });
}

export type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLButtonElement;

/** The field of a form that has this label. */
export function field(form: Element, label: string): Field {
  const labels = [...form.querySelectorAll("label")];
  const own = labels.find((one) => textOf(one).replace(/ \*$/, "") === label);
  const found = own?.htmlFor ? document.getElementById(own.htmlFor) : undefined;
  if (!found) throw new Error(`no field “${label}”; there are: ${labels.map(textOf).join(", ")}`);
  return found as Field;
}

/** Types, ticks, chooses. */
export function fill(form: Element, values: Record<string, string | boolean | File>): void {
  for (const [label, value] of Object.entries(values)) {
    if (value instanceof File) {
      const input = form.querySelector('input[type="file"]');
      if (input) fireEvent.change(input, { target: { files: [value] } });
      continue;
    }
    const at = field(form, label);
    if (typeof value === "boolean") {
      if ((at as HTMLInputElement).checked !== value) fireEvent.click(at);
    } else fireEvent.change(at, { target: { value } });
  }
}

/** What stands beside a field as its fault. */
export function faultAt(at: Field): string {
  const ids = (at.getAttribute("aria-describedby") ?? "").split(" ");
  return at.getAttribute("aria-invalid") === "true"
    ? ids.map((id) => textOf(document.getElementById(id))).join(" ")
    : "";
}

/** What a form says as a whole. */
export function alertOf(form: Element): string {
  return textOf(form.querySelector('[role="alert"]'));
}

/** Presses a button as a person does. */
export async function press(at: Element): Promise<void> {
  await act(async () => {
    fireEvent.click(at);
  });
}
