const pauseMs = 50

/**
 * Asks again and again until the answer is something: not undefined, null or false. Rejects with `what` after
 * `timeoutMs`. For what nobody tells of by itself, such as files and processes; objects are watched.
 */
export async function until<T>(
  ask: () => Answer<T> | Promise<Answer<T>>,
  what: string,
  timeoutMs = 120_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

type Answer<T> = T | undefined | null | false
