// Which queries an event makes stale. Pure, so that it is tested without a browser.

/** What is needed of an event. */
export interface Happened {
  kind: string;
  app?: string;
  environment?: string;
}

/** What is needed of a query's key. */
export interface Key {
  _id: string;
  path?: { app?: string; env?: string };
}

const OF_KIND: Record<string, readonly string[]> = {
  app: ["appList", "appGet", "environmentList"],
  environment: ["environmentList", "environmentGet", "specGet"],
  deployment: [
    "deploymentList",
    "deploymentGet",
    "deploymentEvents",
    "deploymentReceipt",
    "environmentGet",
    "environmentList",
    "serviceList",
    "instanceList",
    "releaseList",
    "buildList",
    "metricsSeries",
    "hookDeliveryList",
    "webhookDeliveryList",
  ],
  build: ["buildList", "buildGet", "deploymentGet", "deploymentList", "deploymentEvents"],
  instance: [
    "instanceList",
    "instanceGet",
    "instanceWhy",
    "serviceList",
    "environmentGet",
    "hostList",
    "hostGet",
  ],
  routes: [
    "instanceList",
    "serviceList",
    "deploymentGet",
    "deploymentEvents",
    "deploymentReceipt",
    "environmentGet",
    "environmentList",
  ],
  release: ["releaseList", "releaseGet", "environmentGet", "environmentList"],
  rollout: ["deploymentGet", "deploymentList", "environmentGet"],
  scale: ["serviceList", "serviceGet", "instanceList", "quotaGet"],
  config: ["configGet", "configVersionList", "deploymentList"],
  secret: ["secretList", "secretGet", "deploymentList"],
  spec: ["specGet", "serviceList", "deploymentList"],
  domain: ["domainList", "environmentGet", "environmentList"],
  host: ["hostList", "hostGet", "instanceList", "environmentGet"],
  edge: ["hostList"],
  member: ["memberList", "teamGet", "teamList"],
  credential: ["registryList"],
  hook: ["hookList", "hookDeliveryList"],
  webhook: ["webhookList", "webhookGet", "webhookDeliveryList"],
  deploys: ["lockGet", "freezeList"],
  invitation: ["invitationList", "memberList"],
  token: ["tokenList", "deployTokenList"],
  team: ["teamGet", "teamList", "quotaGet"],
  quota: ["quotaGet"],
  run: ["runList", "runGet"],
};

/** Everything but the person's own things: what a word that is not known yet makes stale. */
const OWN = new Set(["meGet", "sessionList", "openapiGet"]);

/** Tells the part of a kind before the dot: `instance.lost` is `instance`. */
export function subjectOf(kind: string): string {
  return kind.split(".", 1)[0] ?? kind;
}

/**
 * Whether an event makes a query stale. `names` are the ids and names of the event's app and environment, as far
 * as they are known here; a query of another app stays fresh, one whose place is not known does not.
 */
export function stale(event: Happened, key: Key, names: { app: string[]; env: string[] }): boolean {
  if (key._id === "eventList") return true;
  if (key.path?.app && names.app.length > 0 && !names.app.includes(key.path.app)) return false;
  if (key.path?.env && names.env.length > 0 && !names.env.includes(key.path.env)) return false;
  const operations = OF_KIND[subjectOf(event.kind)];
  return operations ? operations.includes(key._id) : !OWN.has(key._id);
}
