import { createHash } from 'node:crypto'

/**
 * Deals a flow its hand of queues: always the same for one flow, and seldom all the same for two, so that a flow that
 * floods its queues leaves others at least one.
 */
export function dealHand(flow: string, queues: number, handSize: number): number[] {
  let rest = createHash('sha256').update(flow).digest().readBigUInt64BE() & 0xfff_ffff_ffff_ffffn
  const dealt: number[] = []
  for (let card = 0; card < Math.min(handSize, queues); card++) {
    const left = BigInt(queues - card)
    let queue = Number(rest % left)
    rest /= left
    // Counted among the queues that are still in the deck, which are those not dealt before.
    for (const taken of dealt.toSorted((a, b) => a - b)) if (queue >= taken) queue += 1
    dealt.push(queue)
  }
  return dealt
}
