// Reads what people paste out of a .env file. Pure. Nothing is expanded: `$HOME` stays `$HOME`.

/** A line that gives a value. */
export interface Entry {
  key: string;
  value: string;
  line: number;
}

/** A line that cannot be read. */
export interface Fault {
  line: number;
  text: string;
}

/** What was pasted. Of a key given twice the last value counts, and the first is a fault that says so. */
export interface Pasted {
  entries: Entry[];
  faults: Fault[];
}

/** The grammar of the API for names of variables. */
const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;

function unquote(text: string): string {
  return text.replace(/\\([nrt"\\$])/g, (_, c: string) =>
    c === "n" ? "\n" : c === "r" ? "\r" : c === "t" ? "\t" : c,
  );
}

/** The end of a quoted value that begins at `from`; -1 if it is not closed. */
function closing(text: string, quote: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\" && quote === '"') at += 1;
    else if (text[at] === quote) return at;
  }
  return -1;
}

/** Reads a whole text. */
export function parseDotenv(text: string): Pasted {
  const lines = text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .split("\n");
  const byKey = new Map<string, Entry>();
  const faults: Fault[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = index + 1;
    const raw = (lines[index] ?? "").trim();
    if (raw === "" || raw.startsWith("#")) continue;
    const plain = raw.replace(/^export\s+/, "");
    const equals = plain.indexOf("=");
    if (equals < 0) {
      faults.push({ line, text: "no = in this line" });
      continue;
    }
    const key = plain.slice(0, equals).trim();
    if (!KEY.test(key)) {
      faults.push({ line, text: `“${key}” is no name of a variable` });
      continue;
    }
    let rest = plain.slice(equals + 1).trimStart();
    const quote = rest[0];
    let value: string;
    if (quote === '"' || quote === "'") {
      let end = closing(rest, quote, 1);
      while (end < 0 && index + 1 < lines.length) {
        index += 1;
        rest += `\n${lines[index]}`;
        end = closing(rest, quote, 1);
      }
      if (end < 0) {
        faults.push({ line, text: "the quote is not closed" });
        continue;
      }
      const inner = rest.slice(1, end);
      value = quote === '"' ? unquote(inner) : inner;
    } else {
      value = rest.replace(/\s+#.*$/, "").trimEnd();
    }
    const before = byKey.get(key);
    if (before)
      faults.push({ line: before.line, text: `${key} comes again in line ${line}, which counts` });
    byKey.set(key, { key, value, line });
  }
  return { entries: [...byKey.values()], faults };
}
