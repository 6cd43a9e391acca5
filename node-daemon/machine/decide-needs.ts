import type { Action, Situation } from './situation.ts'

/** What the run waits for before it can have a process; undefined when disks and networks are there. */
export function unmetNeed({ disks, networks }: Situation): Action | undefined {
  const disk = disks.find((need) => need.state === 'waiting')
  if (disk !== undefined) return { type: 'wait', reason: 'WaitingForDisks', message: disk.message }
  const network = networks.find((need) => need.state === 'waiting')
  if (network !== undefined) return { type: 'wait', reason: 'WaitingForNetworks', message: network.message }
  return undefined
}
