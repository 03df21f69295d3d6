// Options for TanStack Query, one function per operation: `useQuery(appListOptions({ path: { team } }))`.
// A module of its own, because only applications with that library can load it.
export * from "./generated/@tanstack/react-query.gen.js";
