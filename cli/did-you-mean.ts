/** The known word that is at most two slips away from what was typed, and less than half of it; undefined if none is. */
export function closest(typed: string, known: Iterable<string>): string | undefined {
  let best: { word: string; slips: number } | undefined
  for (const word of known) {
    const slips = distance(typed, word)
    if (slips <= 2 && slips * 2 < typed.length && (best === undefined || slips < best.slips)) {
      best = { word, slips }
    }
  }
  return best?.word
}

/** Levenshtein's, with two neighbours that changed places as one slip. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)]
  const cell = (i: number, j: number) => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        cell(i - 1, j) + 1,
        cell(i, j - 1) + 1,
        cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
        swap ? cell(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      )
    }
  }
  return cell(a.length, b.length)
}
