import { expect, test } from 'vitest'
import { Turnstile } from '../../../../../node-daemon/hypervisor/libvirt/turnstile.ts'

test('lets so many through at once, the others in their order, also after failures', async () => {
  const turnstile = new Turnstile(2)
  const log: string[] = []
  const finish: (() => void)[] = []
  const run = (name: string, fails = false) =>
    turnstile
      .through(async () => {
        log.push(name)
        await new Promise<void>((resolve) => finish.push(resolve))
        if (fails) throw new Error(name)
      })
      .catch(() => log.push(`${name} failed`))
  const all = [run('a', true), run('b'), run('c'), run('d')]
  expect(log).toEqual(['a', 'b'])

  finish[0]?.()
  await all[0]
  finish[1]?.()
  await all[1]
  finish[2]?.()
  finish[3]?.()
  await Promise.all(all)
  expect(log.filter((entry) => !entry.includes('failed'))).toEqual(['a', 'b', 'c', 'd'])
  expect(log).toContain('a failed')
})
