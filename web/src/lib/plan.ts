// A detected plan as people change it, and the specification that comes of it. Pure.

import type { Kind, Service } from "@segue/client";

/** What may be changed of a service. */
export interface Edited {
  name: string;
  kind: Kind;
  command: string;
  port?: number;
  replicas: number;
}

/** Whether nothing was changed: then the plan stays the detector's business. */
export function unchanged(before: readonly Edited[], after: readonly Edited[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

/** The services of a specification; what is empty is left to the image. */
export function editedServices(services: readonly Edited[]): Record<string, Service> {
  return Object.fromEntries(
    services.map(({ name, kind, command, port, replicas }) => {
      const service: Service = { kind, replicas };
      if (command.trim() !== "") service.command = command.trim();
      if (port !== undefined && kind === "web") service.port = port;
      return [name, service];
    }),
  );
}
