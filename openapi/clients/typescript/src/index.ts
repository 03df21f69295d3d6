// The client of Segue's API: one function per operation, named after it, and streams as async
// iterators. Everything in ./generated is made by generate.mjs; this folder's other files are not.
export * from "./generated/index.js";
export { createClient, createConfig } from "./generated/client/index.js";
export type { Client, Config } from "./generated/client/index.js";
export { client } from "./generated/client.gen.js";
export { connect, type Connection } from "./connect.js";
export { follow, type Followed, type Message, ProblemError, type StreamState } from "./follow.js";
