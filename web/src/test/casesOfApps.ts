// Forms of apps and environments, each with its worst case.
import { FILE, type FormCase, LONG, names, PROD } from "./case";

export const OF_APPS: FormCase[] = [
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
