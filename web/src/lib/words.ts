// A command line as its arguments, split as a shell splits it. Pure. Nothing is expanded: no shell runs it.

/** The arguments, or why there are none. */
export interface Split {
  words: string[];
  fault?: string;
  /** Something only a shell understands stands outside of quotes. */
  shell: boolean;
}

const MOST = 256;

/** Splits at blanks; quotes and `\` work as in a shell. */
export function splitWords(text: string): Split {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  let shell = false;
  for (let at = 0; at < text.length; at += 1) {
    const c = text[at] ?? "";
    if (quote) {
      if (c === quote) quote = undefined;
      else if (c === "\\" && quote === '"' && '"\\$`'.includes(text[at + 1] ?? "")) {
        at += 1;
        word = (word ?? "") + (text[at] ?? "");
      } else word = (word ?? "") + c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= "";
    } else if (c === "\\") {
      at += 1;
      if (at >= text.length) return { words, fault: "A \\ stands at the end.", shell };
      word = (word ?? "") + (text[at] ?? "");
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      if ("|&;<>$`*".includes(c)) shell = true;
      word = (word ?? "") + c;
    }
  }
  if (quote) return { words, fault: `A ${quote} is not closed.`, shell };
  if (word !== undefined) words.push(word);
  if (words.length === 0) return { words, fault: "Give a command.", shell };
  if (words.length > MOST) return { words, fault: `At most ${MOST} arguments.`, shell };
  return { words, shell };
}
