import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const server = process.env.SEGUE_SERVER ?? "http://127.0.0.1:3000";

const proxy = { "^/(v1|git|healthz|readyz)": { target: server, changeOrigin: false } };

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: {
      "@segue/client/query": here("../openapi/clients/typescript/src/query.ts"),
      "@segue/client": here("../openapi/clients/typescript/src/index.ts"),
    },
    // The client lies outside of this folder and must use these copies.
    dedupe: ["react", "react-dom", "@tanstack/react-query"],
  },
  build: {
    target: "es2023",
    // The policy of the page allows no inline script, and old browsers are not served.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssTarget: "chrome123",
    manifest: true,
  },
  preview: { proxy },
  server: {
    proxy,
    fs: { allow: [here("."), here("../openapi")] },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
