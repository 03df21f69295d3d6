// What every form checks before it sends, by the name of the document's schema and its member. Pure. The bounds are
// those of openapi/v1.json; a test compares them. The API checks again, and its word counts.

import { splitWords } from "./words";

/** Says what is wrong, or `null`. */
export type Check = (value: string) => string | null;

const length = (text: string) => [...text].length;
const CONTROL = /\p{Cc}/u;

/** Text of one line. */
function line(max: number, what?: string): Check {
  return (value) => {
    const text = value.trim();
    if (text === "") return what ? `Give ${what}.` : null;
    if (length(text) > max) return `At most ${max} characters.`;
    return CONTROL.test(text) ? "One line of text." : null;
  };
}

/** A whole number; empty is allowed where it may be left out. */
function whole(min: number, max: number, may: "given" | "empty" = "given"): Check {
  return (value) => {
    const text = value.trim();
    if (text === "" && may === "empty") return null;
    const number = Number(text);
    const fine = /^\d{1,16}$/.test(text) && number >= min && number <= max;
    return fine ? null : `A whole number from ${min} to ${max}.`;
  };
}

/** A number with a fraction at most; empty is none. */
function amount(max: number): Check {
  return (value) => {
    const text = value.trim();
    if (text === "") return null;
    const fine = /^\d{1,12}([.,]\d{1,3})?$/.test(text) && decimal(text) <= max;
    return fine ? null : `A number from 0 to ${max}, or nothing for no limit.`;
  };
}

/** Reads a number with a point or a comma. */
export function decimal(text: string): number {
  return Number(text.trim().replace(",", "."));
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** The grammar of names of teams, apps and environments. */
export function nameCheck(what: string): Check {
  return (value) => {
    if (value === "") return `Give ${what}.`;
    if (value.length > 40) return "At most 40 characters.";
    return NAME.test(value)
      ? null
      : "Small letters, digits and single dashes, beginning with a letter: my-app.";
  };
}

/** Enough of an address to be worth sending. */
export const emailCheck: Check = (value) => {
  const text = value.trim();
  if (text === "") return "Give an e-mail address.";
  if (length(text) > 254) return "At most 254 characters.";
  return /^[^@\s]+@[^@\s]+$/.test(text) && !CONTROL.test(text)
    ? null
    : "An e-mail address looks like ada@example.com.";
};

/** A new password. */
export const newPassword: Check = (value) => {
  if (length(value) < 10) return "At least 10 characters.";
  return length(value) > 256 ? "At most 256 characters." : null;
};

/** A password that exists. */
function password(what: string): Check {
  return (value) => {
    if (value === "") return `Give ${what}.`;
    return length(value) > 256 ? "At most 256 characters." : null;
  };
}

const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Name of a variable or a secret. */
export const keyCheck: Check = (value) => {
  const key = value.trim();
  if (key === "") return "Give it a name.";
  if (key.length > 128) return "At most 128 characters.";
  return KEY.test(key) ? null : "Letters, digits and _, and no digit first: LOG_LEVEL.";
};

/** A value of a variable; it may be empty. */
export const valueCheck: Check = (value) => {
  if (length(value) > 32_768) return "At most 32 768 characters.";
  return value.includes("\u0000") ? "No byte 0: the environment of a process has none." : null;
};

/** An address that is called or fetched. */
function address(max: number, what: string): Check {
  return (value) => {
    const text = value.trim();
    if (text === "") return `Give ${what}.`;
    if (length(text) > max) return `At most ${max} characters.`;
    return /^https?:\/\/[!-~]+$/.test(text) && URL.canParse(text)
      ? null
      : "An address like https://example.com/path.";
  };
}

/** Addresses and networks, between blanks or commas. */
const ranges: Check = (value) => {
  const all = value.split(/[\s,]+/).filter(Boolean);
  if (all.length > 32) return "At most 32 addresses.";
  const wrong = all.find((one) => !/^(?=[^/]*[.:])[0-9a-fA-F.:]{2,45}(\/\d{1,3})?$/.test(one));
  return wrong ? `“${wrong.slice(0, 60)}” is no address: 203.0.113.7 or 203.0.113.0/24.` : null;
};

/** Kinds of events, between blanks or commas. */
const events: Check = (value) => {
  const all = value.split(/[\s,]+/).filter(Boolean);
  if (all.length > 20) return "At most 20 kinds.";
  const wrong = all.find((one) => !/^(\*|[a-z_]{1,60}\.(\*|[a-z_]{1,60}))$/.test(one));
  return wrong
    ? `“${wrong.slice(0, 60)}” is no kind: deployment.changed, deployment.* or *.`
    : null;
};

const zone: Check = (value) => {
  const text = value.trim();
  if (text === "") return "Give a time zone, or UTC.";
  if (length(text) > 100) return "At most 100 characters.";
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return null;
  } catch {
    return "A name such as Europe/Berlin, or UTC.";
  }
};

const host: Check = (value) => {
  const text = value.trim();
  if (text === "") return "Give a host.";
  if (length(text) > 260) return "At most 260 characters.";
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$/.test(text)
    ? null
    : "Only the host, in small letters: ghcr.io, git.example.com:8443.";
};

const command: Check = (value) =>
  length(value) > 32_768 ? "At most 32 768 characters." : (splitWords(value).fault ?? null);

/** A time of the page's own clock, as `datetime-local` gives it, that is still to come. */
export const later: Check = (value) => {
  if (value === "") return null;
  const at = Date.parse(value);
  if (Number.isNaN(at)) return "A date and a time.";
  return at <= Date.now() ? "It is past already." : null;
};

/** Any time. */
const moment: Check = (value) =>
  Number.isNaN(Date.parse(value)) ? "Give a date and a time." : null;

const account = line(200, "the name of an account");

/** Labels as lines, `key=value`. */
export const labelsCheck: Check = (value) => {
  const wrong = value
    .split("\n")
    .map((text) => text.trim().split("="))
    .find(
      ([key = "", ...rest]) =>
        key !== "" &&
        (key.trim().length > 63 ||
          !/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(key.trim()) ||
          length(rest.join("=").trim()) > 200),
    );
  return wrong
    ? `“${(wrong[0] ?? "").slice(0, 60)}”: letters, digits, . _ - in a key of at most 63; at most 200 characters in a value.`
    : null;
};

const image: Check = (value) => {
  const text = value.trim();
  if (text === "") return "Give the name of an image: registry.example.com/shop:1.0.";
  if (length(text) > 255) return "At most 255 characters.";
  return /^[A-Za-z0-9][A-Za-z0-9./:@_-]*$/.test(text)
    ? null
    : "A name like registry.example.com/shop:1.0, without https://.";
};

/** By schema and member. */
export const checks = {
  SetupCreate: {
    email: emailCheck,
    name: line(100),
    password: newPassword,
    team: nameCheck("your team a name"),
  },
  Login: { email: emailCheck, password: password("your password") },
  ResetRequest: { email: emailCheck },
  ResetUse: { password: newPassword },
  Confirm: { password: password("your password") },
  MeUpdate: { name: line(100, "your name") },
  PasswordSet: { current: password("the present one"), new: newPassword },
  InvitationCreate: { email: emailCheck },
  InvitationAccept: { name: line(100), password: newPassword },
  TokenCreate: { name: line(100, "the token a name"), address_ranges: ranges },
  TeamTokenCreate: { name: line(100, "the token a name"), address_ranges: ranges },
  TeamCreate: { name: nameCheck("the team a name") },
  TeamUpdate: { name: nameCheck("the team a name") },
  AppCreate: { name: nameCheck("it a name") },
  AppUpdate: { name: nameCheck("it a name") },
  Repo: { url: address(500, "the address of a repository"), branch: line(200, "a branch") },
  Previews: { limit: whole(1, 50) },
  EnvironmentCreate: { name: nameCheck("it a name") },
  SecretSet: {
    value: ((value) => (value === "" ? "Give a value." : valueCheck(value))) as Check,
  },
  RunCreate: { command },
  SourceFetch: { url: address(500, "the address of a repository"), ref: line(200) },
  DeploymentCreate: { image },
  LockCreate: {
    reason: line(500, "a reason: everybody who tries to deploy reads it"),
    until: later,
  },
  FreezeCreate: {
    reason: line(500, "a reason: everybody who tries to deploy reads it"),
    time_zone: zone,
    from: ((value) =>
      /^([01][0-9]|2[0-3]):[0-5][0-9]$/.test(value) ? null : "A time like 16:00.") as Check,
    starts_at: moment,
    ends_at: moment,
    minutes: whole(1, 10_080),
  },
  RegistryCreate: {
    host,
    username: ((value) =>
      account(value) ?? (value.includes(":") ? "Without a colon." : null)) as Check,
    password: ((value) =>
      value === ""
        ? "Give a password or a token."
        : length(value) > 4096
          ? "At most 4096 characters."
          : CONTROL.test(value)
            ? "One line of text."
            : null) as Check,
  },
  WebhookCreate: {
    name: line(100, "it a name"),
    url: address(2000, "an address"),
    address: emailCheck,
    events,
  },
  QuotaSet: { apps: whole(0, 1_000_000, "empty") },
} satisfies Record<string, Record<string, Check>>;

/** What the audit log is filtered by; nothing is everything. */
export const actionCheck: Check = (value) => {
  const text = value.trim();
  if (length(text) > 100) return "At most 100 characters.";
  return /^[a-z_]*$/.test(text) ? null : "Small letters and _: deployment_create.";
};
/** The id of what the audit log is filtered by. */
export const resourceCheck: Check = line(100);
/** What lines of a log are filtered by. */
export const containsCheck: Check = (value) =>
  length(value) > 200 ? "At most 200 characters." : null;
/** A command of a service. */
export const serviceCommandCheck: Check = (value) =>
  length(value) > 4096
    ? "At most 4096 characters."
    : CONTROL.test(value)
      ? "One line of text."
      : null;

/** Days that something lives; the document counts seconds, 60 to 31536000. */
export const daysCheck: Check = whole(1, 365);
/** Cores of a quota; the document counts thousandths. */
export const coresCheck: Check = amount(1_000_000);
/** GiB of a quota; the document counts bytes. */
export const gibCheck: Check = amount(1_048_576);
