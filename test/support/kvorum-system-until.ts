const pauseMs = 50

/**
 * Asks again and again until the answer is neither undefined nor false; rejects with `what` after `timeoutMs`. For what
 * nobody tells of by itself: files, processes. Objects are watched.
 */
export async function until<T>(
  ask: () => Promise<T | undefined | false>,
  what: string,
  timeoutMs = 120_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
