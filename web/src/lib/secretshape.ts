// What a setting looks like that should rather be a secret. Pure. The command line has the same rules in
// crates/model/src/secret_shape.rs; tests/fixtures/secret_shapes.json holds both to one answer. Few false alarms come
// before finding everything: a warning that is mostly wrong is not read.

/** Why a setting looks like a secret. */
export type SecretShape = "private_key" | "known_key" | "password_in_address" | "name";

const WHY: Record<SecretShape, string> = {
  private_key: "its value is a private key",
  known_key: "its value begins like a key of a known service",
  password_in_address: "its address holds a password",
  name: "its name says so",
};

/** Beginnings of keys, each with how many of the usual characters follow at least. */
const BEGINS: readonly (readonly [string, number])[] = [
  ["sk_live_", 16],
  ["sk_test_", 16],
  ["rk_live_", 16],
  ["whsec_", 16],
  ["sk-ant-", 20],
  ["sk-", 32],
  ["ghp_", 20],
  ["gho_", 20],
  ["ghu_", 20],
  ["ghs_", 20],
  ["ghr_", 20],
  ["github_pat_", 20],
  ["glpat-", 16],
  ["xoxb-", 16],
  ["xoxp-", 16],
  ["xapp-", 16],
  ["AIza", 35],
  ["ya29.", 20],
  ["npm_", 30],
  ["pypi-", 30],
  ["dop_v1_", 32],
  ["SG.", 20],
  ["key-", 32],
  ["shpat_", 20],
  ["hf_", 20],
  ["hvs.", 20],
  ["tskey-", 16],
  ["dckr_pat_", 16],
  ["AGE-SECRET-KEY-1", 20],
  ["segue_", 64],
];

/** Addresses that are themselves the key: whoever knows one may write. */
const ADDRESSES = ["https://hooks.slack.com/services/", "https://discord.com/api/webhooks/"];

/** Values that say whether, and not what. */
const SWITCHES = new Set(["true", "false", "yes", "no", "on", "off", "none", "null", "0", "1"]);

/** Why a setting looks like a secret; `undefined`: it does not. */
export function secretShape(key: string, given: string): SecretShape | undefined {
  const value = given.trim();
  if (value === "") return undefined;
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z0-9 ]*(?=-|$)/.test(value)) return "private_key";
  if (isKnownKey(value)) return "known_key";
  if (holdsPassword(value)) return "password_in_address";
  return isCalledSecret(key, value) ? "name" : undefined;
}

/** The reason in words, to stand behind “looks like a secret”. */
export function looksSecret(key: string, value: string): string | undefined {
  const shape = secretShape(key, value);
  return shape && WHY[shape];
}

function isKnownKey(given: string): boolean {
  const value = given.replace(/^Bearer /, "").trimStart();
  const begins = BEGINS.some(([begin, least]) => {
    if (!value.startsWith(begin)) return false;
    const usual = /^[A-Za-z0-9_-]*/.exec(value.slice(begin.length));
    return (usual?.[0].length ?? 0) >= least;
  });
  return (
    begins ||
    ADDRESSES.some((address) => value.startsWith(address) && value.length > address.length) ||
    /^A[KS]IA[A-Z0-9]{16}$/.test(value) ||
    // A signed token: the first two parts are JSON objects.
    /^eyJ[\w-]{9,}\.eyJ[\w-]{9,}\.[\w-]+$/.test(value)
  );
}

/** `scheme://user:password@host`, or `password=…` among the parameters of a connection. */
function holdsPassword(value: string): boolean {
  const inAuthority = value
    .split("://")
    .slice(1)
    .some((behind) => {
      const authority = behind.split(/[/?#,"'\s]/, 1)[0] ?? "";
      const user = authority.slice(0, Math.max(0, authority.lastIndexOf("@")));
      const colon = user.indexOf(":");
      return colon >= 0 && !isReference(user.slice(colon + 1));
    });
  return (
    inAuthority ||
    value.split(/[;&?\s]/).some((part) => {
      const equals = part.indexOf("=");
      return (
        equals >= 0 &&
        /^(password|pwd)$/i.test(part.slice(0, equals)) &&
        !isReference(part.slice(equals + 1))
      );
    })
  );
}

/** Whether a text stands for a value, or switches something, and is not itself one. */
function isReference(text: string): boolean {
  return /^([$<%]|\{\{|\**$)/.test(text) || SWITCHES.has(text.toLowerCase());
}

const NAMED_KEYS = [
  "API",
  "PRIVATE",
  "SECRET",
  "ACCESS",
  "ENCRYPTION",
  "SIGNING",
  "MASTER",
  "AUTH",
];

function isCalledSecret(key: string, value: string): boolean {
  const words = wordsOf(key);
  const last = words.at(-1);
  const place = value.includes("://") || /^(\/|\.\.?\/|~\/)/.test(value);
  if (isReference(value) || place || last === undefined) return false;
  if (words.includes("PUBLIC") || words.includes("PUBLISHABLE")) return false;
  const many = words.length > 1;
  if (/(PASSWORD|PASSWD|PASSPHRASE)$/.test(last)) return true;
  if (many && (last === "PASS" || last === "PWD")) return true;
  const before = words.at(-2) ?? "";
  const named =
    /(SECRET|TOKEN|APIKEY)$/.test(last) ||
    /^CREDENTIALS?$/.test(last) ||
    words.slice(-3).join("_") === "SECRET_KEY_BASE" ||
    (last === "KEY" && NAMED_KEYS.includes(before));
  if (named) return !/^\d{1,5}$/.test(value);
  return many && (last === "KEY" || last === "SALT") && isOpaque(value);
}

/** The words of a key in capitals, `dbPassword` as `DB_PASSWORD`; numbers behind the last one do not count. */
function wordsOf(key: string): string[] {
  const words = key
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .split(/[^A-Za-z0-9]/)
    .filter(Boolean)
    .map((word) => word.toUpperCase());
  while (/^\d+$/.test(words.at(-1) ?? "")) words.pop();
  return words;
}

/** Whether a value holds sixteen letters and digits in a row, both of them: no word that people make up. */
function isOpaque(value: string): boolean {
  return value
    .split(/[^A-Za-z0-9]/)
    .some((run) => run.length >= 16 && /\d/.test(run) && /[A-Za-z]/.test(run));
}
