// What a role may do, so that the page can say beforehand why it may not. The server decides; this only explains.

/** Roles, weakest first. */
export const ROLES = ["viewer", "deployer", "admin", "owner"] as const;

const LEAST = {
  deploy: ["deployer", "deploy"],
  scale: ["deployer", "scale services"],
  create: ["deployer", "make apps and environments"],
  configure: ["deployer", "change the configuration"],
  secrets: ["deployer", "set secrets"],
  run: ["deployer", "start one-off runs"],
  settings: ["deployer", "change these settings"],
  lock: ["deployer", "lock deployments"],
  freeze: ["admin", "make freeze windows"],
  protect: ["admin", "protect environments"],
  reveal: ["admin", "reveal secrets"],
  credentials: ["admin", "keep credentials"],
  notify: ["admin", "change who is told"],
  delete: ["admin", "delete apps and environments"],
  members: ["admin", "change members"],
  team: ["owner", "change the team"],
} as const;

/** What people do. */
export type Deed = keyof typeof LEAST;

function rank(role: string): number {
  return ROLES.indexOf(role as (typeof ROLES)[number]);
}

/** Why this role may not do that; `undefined`: it may. Protected environments want an admin for everything. */
export function whyNot(role: string, deed: Deed, isProtected = false): string | undefined {
  const [least, words] = LEAST[deed];
  if (rank(role) < rank(least)) {
    return `Your role is ${role}; to ${words} you need to be ${least} or higher.`;
  }
  // What a protected environment holds is its owners'.
  if (isProtected && deed === "reveal" && role !== "owner") {
    return "This environment is protected; to reveal its secrets you need to be owner.";
  }
  if (isProtected && rank(role) < rank("admin")) {
    return `This environment is protected; to ${words} here you need to be admin or higher.`;
  }
  return undefined;
}
