// Every form of the dashboard that is sent, with its worst case. A test finds all forms there are in the source and fails
// where one is missing here.
import { type FormCase, LONG, names } from "./case";
import { OF_APPS } from "./casesOfApps";

/** Forms of people and teams. */
const OF_PEOPLE: FormCase[] = [
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
];

/** Forms that are sent to the API. */
export const CASES: FormCase[] = [...OF_PEOPLE, ...OF_APPS];

/** Forms that are not sent by themselves, or that are asked about in tests of their own; each with where. */
export const ELSEWHERE: Record<string, string> = {
  "app/shell/SignInAgain.tsx": "forms.test.tsx: a session that ends in the middle",
  "components/Confirm.tsx": "dialogs.test.tsx",
  "screens/config/AddVariable.tsx": "dialogs.test.tsx",
  "screens/config/Variables.tsx": "dialogs.test.tsx",
  "screens/logs/Logs.tsx": "dialogs.test.tsx",
};
