// How a stream's connection is, as people are told. Pure.

/** The state that the page shows. */
export type Connection =
  | { state: "connecting" }
  | { state: "open" }
  | { state: "lost"; since: number }
  | { state: "ended"; reason: string };

/** What can happen to it. */
export type Happening =
  | { type: "open" }
  | { type: "lost"; now: number }
  | { type: "refused"; reason: string };

/** The next state. An end is an end; a loss keeps the moment at which it began. */
export function step(connection: Connection, happening: Happening): Connection {
  if (connection.state === "ended") return connection;
  switch (happening.type) {
    case "open":
      return { state: "open" };
    case "lost":
      return connection.state === "lost" ? connection : { state: "lost", since: happening.now };
    case "refused":
      return { state: "ended", reason: happening.reason };
  }
}
