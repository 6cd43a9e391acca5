import { expect, test } from 'vitest'
import { renewalTime } from '../../../../node-daemon/credentials/renewal.ts'

const day = 24 * 60 * 60 * 1000

test.each([
  {
    name: 'at seven tenths of its life at the earliest',
    from: 0,
    until: 100,
    asked: undefined,
    share: 0,
    due: 70,
  },
  { name: 'at eight tenths at the latest', from: 0, until: 100, asked: undefined, share: 1, due: 80 },
  {
    name: 'by the life that was asked for, however far it is dated back',
    from: -900,
    until: 100,
    asked: 100,
    share: 0,
    due: 70,
  },
  { name: 'by the life that it got, when that is less', from: 0, until: 10, asked: 100, share: 0, due: 7 },
])('a certificate is renewed $name', ({ from, until, asked, share, due }) => {
  const askedMs = asked === undefined ? undefined : asked * day

  expect(renewalTime({ from: from * day, until: until * day }, askedMs, share)).toBeCloseTo(due * day, 0)
})
