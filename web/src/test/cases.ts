// Every form of the dashboard that is sent, with its worst case. A test finds all forms there are in the source and fails
// where one is missing here.
import type { Server } from "./server";

export type Fills = Record<string, string | boolean | File>;

export interface FormCase {
  /** The component's file. */
  file: string;
  address: string;
  /** What is done before: a dialog that is opened, a first step. */
  before?: (server: Server) => Promise<void>;
  /** The server as it is for this form. */
  server?: (server: Server) => void;
  /** The button that sends, and which of that name. */
  button: string;
  index?: number;
  /** What sends well. */
  good: Fills;
  /** What is refused before it is sent, and what is said at which field. */
  bad: { fill: Fills; says: Record<string, string> }[];
  /** The operation that is sent first. */
  sends: string;
  /** Where the server's sentence belongs: a pointer of the document, and the field. */
  refused?: { pointer: string; label: string; code?: string; status?: number };
  /** What is said to a viewer, who may not; nothing: everybody may. */
  viewer?: string;
  /** Outside of a session. */
  outside?: true;
}

const LONG = (length: number) => "x".repeat(length);
const FILE = (content: string) => new File([content], "app.tar.gz");
const NAME = "Small letters, digits and single dashes, beginning with a letter: my-app.";
const names = (label: string, empty: string) => [
  { fill: { [label]: "" }, says: { [label]: empty } },
  { fill: { [label]: LONG(41) }, says: { [label]: "At most 40 characters." } },
  { fill: { [label]: "Not A Name" }, says: { [label]: NAME } },
];
const PROD = "/apps/shop/production";

/** Forms that are sent to the API. */
export const CASES: FormCase[] = [
  {
    file: "screens/login/Login.tsx",
    address: "/login",
    outside: true,
    button: "Sign in",
    good: { "E-mail": "ada@example.com", Password: "correct horse battery" },
    bad: [
      {
        fill: { "E-mail": "", Password: "" },
        says: { "E-mail": "Give an e-mail address.", Password: "Give your password." },
      },
      {
        fill: { "E-mail": "ada", Password: LONG(257) },
        says: { "E-mail": "An e-mail address looks like", Password: "At most 256 characters." },
      },
    ],
    sends: "session_create",
    refused: { pointer: "/email", label: "E-mail" },
  },
  {
    file: "screens/login/Forgotten.tsx",
    address: "/login",
    outside: true,
    button: "Send me a link",
    good: { "Address of your account": "ada@example.com" },
    bad: [
      {
        fill: { "Address of your account": "" },
        says: { "Address of your account": "Give an e-mail address." },
      },
      {
        fill: { "Address of your account": "ada" },
        says: { "Address of your account": "An e-mail address looks like" },
      },
      {
        fill: { "Address of your account": LONG(255) },
        says: { "Address of your account": "At most 254 characters." },
      },
    ],
    sends: "reset_request",
    refused: { pointer: "/email", label: "Address of your account" },
  },
  {
    file: "screens/setup/Setup.tsx",
    address: "/setup?token=one",
    outside: true,
    button: "Create the owner account",
    good: { "E-mail": "ada@example.com", Password: "correct horse battery", Team: "acme" },
    bad: [
      {
        fill: { "E-mail": "", Password: "", Team: "" },
        says: {
          "E-mail": "Give an e-mail address.",
          Password: "At least 10 characters.",
          Team: "Give your team a name.",
        },
      },
      {
        fill: { "E-mail": LONG(255), "Your name": LONG(101), Password: LONG(257), Team: LONG(41) },
        says: {
          "E-mail": "At most 254 characters.",
          "Your name": "At most 100 characters.",
          Password: "At most 256 characters.",
          Team: "At most 40 characters.",
        },
      },
    ],
    sends: "setup_create",
    refused: { pointer: "/team", label: "Team" },
  },
  {
    file: "screens/reset/Reset.tsx",
    address: "/reset#one",
    outside: true,
    button: "Set the password",
    good: { "New password": "correct horse battery", "Once more": "correct horse battery" },
    bad: [
      {
        fill: { "New password": "short", "Once more": "other" },
        says: {
          "New password": "At least 10 characters.",
          "Once more": "The two are not alike.",
        },
      },
      {
        fill: { "New password": LONG(257), "Once more": LONG(257) },
        says: { "New password": "At most 256 characters." },
      },
    ],
    sends: "reset_use",
    refused: { pointer: "/password", label: "New password" },
  },
  {
    file: "screens/invite/Invite.tsx",
    address: "/invite#one",
    outside: true,
    button: "Join acme",
    good: { "Your name": "Vera", Password: "correct horse battery" },
    bad: [
      { fill: { Password: "short" }, says: { Password: "At least 10 characters." } },
      {
        fill: { "Your name": LONG(101), Password: LONG(257) },
        says: { "Your name": "At most 100 characters.", Password: "At most 256 characters." },
      },
    ],
    sends: "invitation_accept",
    refused: { pointer: "/name", label: "Your name" },
  },
  {
    file: "screens/device/Device.tsx",
    address: "/device",
    button: "Go on",
    good: { Code: "WDJB-MJHT" },
    bad: [
      { fill: { Code: "" }, says: { Code: "Eight letters" } },
      { fill: { Code: LONG(60) }, says: { Code: "Eight letters" } },
    ],
    sends: "device_get",
    refused: { pointer: "", label: "Code", code: "not_found", status: 404 },
  },
  {
    file: "screens/account/Profile.tsx",
    address: "/account",
    button: "Change it",
    good: { "Your name": "Ada L." },
    bad: [
      { fill: { "Your name": " " }, says: { "Your name": "Give your name." } },
      { fill: { "Your name": LONG(101) }, says: { "Your name": "At most 100 characters." } },
      { fill: { "Your name": "a\u0007b" }, says: { "Your name": "One line of text." } },
    ],
    sends: "me_update",
    refused: { pointer: "/name", label: "Your name" },
  },
  {
    file: "screens/account/Profile.tsx",
    address: "/account",
    button: "Change it",
    index: 1,
    good: { "Present password": "correct horse battery", "New password": "another long one" },
    bad: [
      {
        fill: { "Present password": "", "New password": "" },
        says: {
          "Present password": "Give the present one.",
          "New password": "At least 10 characters.",
        },
      },
      {
        fill: { "Present password": LONG(257), "New password": LONG(257) },
        says: {
          "Present password": "At most 256 characters.",
          "New password": "At most 256 characters.",
        },
      },
    ],
    sends: "password_set",
    refused: { pointer: "/current", label: "Present password" },
  },
  {
    file: "screens/tokens/TokenCard.tsx",
    address: "/team/tokens",
    button: "Make a token",
    good: { "Name of a deploy token": "pipeline", "From addresses": "203.0.113.0/24" },
    bad: [
      {
        fill: { "Name of a deploy token": "", "From addresses": "nowhere" },
        says: {
          "Name of a deploy token": "Give the token a name.",
          "From addresses": "no address",
        },
      },
      {
        fill: {
          "Name of a deploy token": LONG(101),
          "From addresses": "203.0.113.7 ".repeat(33),
        },
        says: {
          "Name of a deploy token": "At most 100 characters.",
          "From addresses": "At most 32 addresses.",
        },
      },
    ],
    sends: "team_token_create",
    refused: { pointer: "/address_ranges/0", label: "From addresses" },
    viewer: "change members",
  },
  {
    file: "screens/team/NewTeam.tsx",
    address: "/teams/new",
    button: "Make the team",
    good: { "Name of the new team": "beta" },
    bad: names("Name of the new team", "Give the team a name."),
    sends: "team_create",
    refused: {
      pointer: "/name",
      label: "Name of the new team",
      code: "name_taken",
      status: 409,
    },
  },
  {
    file: "screens/team/Invitations.tsx",
    address: "/team",
    button: "Invite",
    good: { "E-mail": "vera@example.com" },
    bad: [
      { fill: { "E-mail": "" }, says: { "E-mail": "Give an e-mail address." } },
      { fill: { "E-mail": "vera" }, says: { "E-mail": "An e-mail address looks like" } },
      { fill: { "E-mail": LONG(255) }, says: { "E-mail": "At most 254 characters." } },
    ],
    sends: "invitation_create",
    refused: { pointer: "/email", label: "E-mail" },
    viewer: "change members",
  },
  {
    file: "screens/team/Credentials.tsx",
    address: "/team/credentials",
    button: "Keep it",
    good: { Host: "ghcr.io", Account: "ada", "Password or token": "hunter2 hunter2" },
    bad: [
      {
        fill: { Host: "", Account: "", "Password or token": "" },
        says: {
          Host: "Give a host.",
          Account: "Give the name of an account.",
          "Password or token": "Give a password or a token.",
        },
      },
      {
        fill: { Host: LONG(261), Account: LONG(201), "Password or token": LONG(4097) },
        says: {
          Host: "At most 260 characters.",
          Account: "At most 200 characters.",
          "Password or token": "At most 4096 characters.",
        },
      },
      {
        fill: { Host: "https://ghcr.io/", Account: "a:b", "Password or token": "x" },
        says: { Host: "Only the host", Account: "Without a colon." },
      },
    ],
    sends: "registry_create",
    refused: { pointer: "/host", label: "Host", code: "name_taken", status: 409 },
    viewer: "keep credentials",
  },
  {
    file: "screens/team/NewWebhook.tsx",
    address: "/team/notifications",
    button: "Tell them",
    good: { Name: "board", Address: "https://example.com/hook" },
    bad: [
      {
        fill: { Name: "", Address: "" },
        says: { Name: "Give it a name.", Address: "Give an address." },
      },
      {
        fill: { Name: LONG(101), Address: "javascript:alert(1)", "Told of": "own" },
        says: {
          Name: "At most 100 characters.",
          Address: "An address like",
          "Kinds of events": "Give at least one kind.",
        },
      },
      {
        fill: { Name: "board", "Kinds of events": "everything", Address: "https://example.com/a" },
        says: { "Kinds of events": "is no kind" },
      },
    ],
    sends: "webhook_create",
    refused: { pointer: "/url", label: "Address" },
    viewer: "change who is told",
  },
  {
    file: "screens/team/Quota.tsx",
    address: "/team/settings",
    button: "Set the quota",
    good: { "Apps at most": "5", "CPU at most, in cores": "1,5", "Memory at most, in GiB": "2" },
    bad: [
      {
        fill: {
          "Apps at most": "many",
          "CPU at most, in cores": "-1",
          "Memory at most, in GiB": "9999999999999",
        },
        says: {
          "Apps at most": "A whole number from 0 to 1000000.",
          "CPU at most, in cores": "A number from 0 to 1000000",
          "Memory at most, in GiB": "A number from 0 to 1048576",
        },
      },
    ],
    sends: "quota_set",
    refused: { pointer: "/cpu_millis", label: "CPU at most, in cores" },
    viewer: "Only people who run this installation",
  },
  {
    file: "components/Rename.tsx",
    address: "/team/settings",
    button: "Change it",
    good: { "Name of the team": "beta" },
    bad: names("Name of the team", "Give the team a name."),
    sends: "team_update",
    refused: { pointer: "/name", label: "Name of the team", code: "name_taken", status: 409 },
    viewer: "you need to be owner",
  },
  {
    file: "components/Rename.tsx",
    address: "/apps/shop/-/settings",
    button: "Change it",
    good: { "Name of the app": "store" },
    bad: names("Name of the app", "Give it a name."),
    sends: "app_update",
    refused: { pointer: "/name", label: "Name of the app", code: "name_taken", status: 409 },
    viewer: "change these settings",
  },
  {
    file: "screens/app/Settings.tsx",
    address: "/apps/shop/-/settings",
    button: "Save",
    good: { "One a line, key=value": "tier=silver\nowner=ada" },
    bad: [
      {
        fill: { "One a line, key=value": "no label" },
        says: { "One a line, key=value": "is no label" },
      },
      {
        fill: { "One a line, key=value": "a=b\n".repeat(51) },
        says: { "One a line, key=value": "At most 50 labels." },
      },
      {
        fill: { "One a line, key=value": `${LONG(64)}=a` },
        says: { "One a line, key=value": "in a key of at most 63" },
      },
    ],
    sends: "app_update",
    refused: { pointer: "/labels/tier", label: "One a line, key=value" },
    viewer: "change these settings",
  },
  {
    file: "screens/app/Repository.tsx",
    address: "/apps/shop/-/sources",
    button: "Change it",
    good: { Address: "https://git.example.com/other.git", Branch: "trunk" },
    bad: [
      {
        fill: { Address: "", Branch: "" },
        says: { Address: "Give the address of a repository.", Branch: "Give a branch." },
      },
      {
        fill: { Address: "ftp://git.example.com/a", Branch: LONG(201) },
        says: { Address: "An address like", Branch: "At most 200 characters." },
      },
      {
        fill: { Address: `https://example.com/${LONG(500)}`, Branch: "main" },
        says: { Address: "At most 500 characters." },
      },
    ],
    sends: "app_update",
    refused: { pointer: "/repo/url", label: "Address" },
    viewer: "change these settings",
  },
  {
    file: "screens/app/Hooks.tsx",
    address: "/apps/shop/-/sources",
    button: "Make a hook",
    good: { "Who will call": "gitea" },
    bad: [],
    sends: "hook_create",
    refused: { pointer: "/kind", label: "Who will call" },
    viewer: "change these settings",
  },
  {
    file: "screens/app/Previews.tsx",
    address: "/apps/shop/-/sources",
    button: "Save",
    good: {
      "A pushed branch makes a preview": true,
      "Days after the last push": "5",
      "At most at a time": "4",
    },
    bad: [
      {
        fill: { "Days after the last push": "", "At most at a time": "" },
        says: {
          "Days after the last push": "A whole number from 1 to 365.",
          "At most at a time": "A whole number from 1 to 50.",
        },
      },
      {
        fill: { "Days after the last push": "366", "At most at a time": "fifty" },
        says: {
          "Days after the last push": "A whole number from 1 to 365.",
          "At most at a time": "A whole number from 1 to 50.",
        },
      },
    ],
    sends: "app_update",
    refused: { pointer: "/previews/limit", label: "At most at a time" },
    viewer: "change these settings",
  },
  {
    file: "screens/app/Locks.tsx",
    address: "/apps/shop/-/holds",
    button: "Lock deployments",
    good: { Reason: "a migration runs" },
    bad: [
      { fill: { Reason: "" }, says: { Reason: "Give a reason" } },
      {
        fill: { Reason: LONG(501), "Until (may be left empty)": "2001-01-01T00:00" },
        says: {
          Reason: "At most 500 characters.",
          "Until (may be left empty)": "It is past already.",
        },
      },
      {
        fill: { Reason: "a\u0007b", "Until (may be left empty)": "" },
        says: { Reason: "One line of text." },
      },
    ],
    sends: "lock_create",
    refused: { pointer: "/until", label: "Until (may be left empty)" },
    viewer: "lock deployments",
  },
  {
    file: "screens/app/Freezes.tsx",
    address: "/apps/shop/-/holds",
    button: "Make a freeze window",
    good: { "Reason of the freeze": "the weekend", "For hours": "60", "Time zone": "UTC" },
    bad: [
      {
        fill: { "Reason of the freeze": "", "For hours": "", "Time zone": "", At: "" },
        says: {
          "Reason of the freeze": "Give a reason",
          "For hours": "A whole number from 1 to 168.",
          "Time zone": "Give a time zone, or UTC.",
          At: "A time like 16:00.",
        },
      },
      {
        fill: {
          "Reason of the freeze": LONG(501),
          "For hours": "169",
          "Time zone": "Mars/Olympus",
          At: "16:00",
        },
        says: {
          "Reason of the freeze": "At most 500 characters.",
          "For hours": "A whole number from 1 to 168.",
          "Time zone": "A name such as Europe/Berlin",
        },
      },
    ],
    sends: "freeze_create",
    refused: { pointer: "/minutes", label: "For hours" },
    viewer: "make freeze windows",
  },
  {
    file: "screens/app/NewEnv.tsx",
    address: "/apps/shop",
    before: async () => {
      const { button, press } = await import("./page");
      await press(await button("New environment"));
    },
    button: "Make it",
    good: { Name: "staging", "Days that it lives": "7" },
    bad: [
      ...names("Name", "Give it a name."),
      {
        fill: { Name: "staging", "Days that it lives": "366" },
        says: { "Days that it lives": "A whole number from 1 to 365." },
      },
    ],
    sends: "environment_create",
    refused: { pointer: "/ttl", label: "Days that it lives" },
  },
  {
    file: "screens/env/Settings.tsx",
    address: `${PROD}/settings`,
    button: "Change it",
    good: { "Days from now": "7" },
    bad: [
      {
        fill: { "Days from now": "0" },
        says: { "Days from now": "A whole number from 1 to 365." },
      },
      {
        fill: { "Days from now": "soon" },
        says: { "Days from now": "A whole number from 1 to 365." },
      },
    ],
    sends: "environment_update",
    refused: { pointer: "/ttl", label: "Days from now" },
    viewer: "change these settings",
  },
  {
    file: "screens/secrets/Secrets.tsx",
    address: `${PROD}/secrets`,
    button: "Set only",
    good: { Key: "API_KEY", Value: "s3cret value" },
    bad: [
      { fill: { Key: "", Value: "" }, says: { Key: "Give it a name.", Value: "Give a value." } },
      {
        fill: { Key: LONG(129), Value: LONG(32_769) },
        says: { Key: "At most 128 characters.", Value: "At most 32 768 characters." },
      },
      {
        fill: { Key: "1 BAD", Value: "a\u0000b" },
        says: { Key: "Letters, digits and _", Value: "No byte 0" },
      },
    ],
    sends: "secret_set",
    refused: { pointer: "/value", label: "Value" },
    viewer: "set secrets",
  },
  {
    file: "screens/runs/Runs.tsx",
    address: `${PROD}/runs`,
    button: "Start it",
    good: { Command: "python manage.py migrate" },
    bad: [
      { fill: { Command: "" }, says: { Command: "" } },
      { fill: { Command: LONG(32_769) }, says: { Command: "At most 32 768 characters." } },
      { fill: { Command: "echo 'open" }, says: { Command: "" } },
    ],
    sends: "run_create",
    refused: { pointer: "/command/0", label: "Command" },
    viewer: "start one-off runs",
  },
  {
    file: "screens/team/Audit.tsx",
    address: "/team/audit",
    button: "Filter",
    good: { Action: "config_update", Resource: "app_1" },
    bad: [
      {
        fill: { Action: "Not THIS", Resource: LONG(101) },
        says: { Action: "Small letters and _", Resource: "At most 100 characters." },
      },
      {
        fill: { Action: "a".repeat(101), Resource: "" },
        says: { Action: "At most 100 characters." },
      },
    ],
    sends: "",
  },
  {
    file: "screens/newapp/Start.tsx",
    address: "/apps/new",
    button: "Go on",
    good: { "Name of the app": "store", "Archive of the folder": FILE("bytes") },
    bad: [
      ...names("Name of the app", "Give it a name."),
      {
        fill: { "Name of the app": "store", "Archive of the folder": FILE("") },
        says: { "Archive of the folder": "The file is empty." },
      },
    ],
    sends: "app_create",
    refused: { pointer: "/name", label: "Name of the app" },
  },
  {
    file: "screens/newapp/Plan.tsx",
    address: "/apps/new",
    before: async () => {
      const { button, fill, press } = await import("./page");
      const next = await button("Go on");
      const form = next.closest("form") as HTMLFormElement;
      fill(form, { "Name of the app": "store", "Archive of the folder": FILE("bytes") });
      await press(next);
    },
    button: "Deploy store",
    good: { COLOUR: "blue" },
    bad: [
      { fill: { COLOUR: "" }, says: { COLOUR: "Required." } },
      { fill: { COLOUR: LONG(32_769) }, says: { COLOUR: "At most 32 768 characters." } },
      {
        fill: { COLOUR: "blue", Command: LONG(4097) },
        says: { Command: "At most 4096 characters." },
      },
      { fill: { Command: "", COLOUR: "a\u0000" }, says: { COLOUR: "No byte 0" } },
    ],
    sends: "config_update",
    refused: { pointer: "/COLOUR", label: "COLOUR" },
  },
];

/** Forms that are not sent by themselves, or that are asked about in tests of their own; each with where. */
export const ELSEWHERE: Record<string, string> = {
  "app/shell/SignInAgain.tsx": "forms.test.tsx: a session that ends in the middle",
  "components/Confirm.tsx": "dialogs.test.tsx",
  "screens/config/AddVariable.tsx": "dialogs.test.tsx",
  "screens/config/Variables.tsx": "dialogs.test.tsx",
  "screens/logs/Logs.tsx": "dialogs.test.tsx",
};
