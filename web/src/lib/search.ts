// Finds by a few letters. Pure.

/** How well a text fits: lower is better; `undefined`: a letter is missing. */
export function score(text: string, wanted: string): number | undefined {
  const hay = text.toLowerCase();
  let total = 0;
  for (const word of wanted.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = hay.indexOf(word);
    if (at >= 0) {
      total += at === 0 || hay[at - 1] === " " ? 0 : 5 + at;
      continue;
    }
    let from = 0;
    for (const letter of word) {
      const found = hay.indexOf(letter, from);
      if (found < 0) return undefined;
      total += 20 + found - from;
      from = found + 1;
    }
  }
  return total + hay.length / 100;
}

/** What fits, best first; in its own order where nothing is asked for. */
export function rank<T>(items: readonly T[], wanted: string, text: (item: T) => string): T[] {
  if (wanted.trim() === "") return [...items];
  return items
    .map((item) => ({ item, score: score(text(item), wanted) }))
    .filter((one): one is { item: T; score: number } => one.score !== undefined)
    .sort((a, b) => a.score - b.score)
    .map((one) => one.item);
}
