import { Etcd3 } from 'etcd3'
import { runInFlight } from './load.ts'
import { levels } from './stages.ts'
import { aWidget } from './widget.ts'

export interface RawRate {
  readonly name: string
  readonly inFlight: number
  readonly perSecond: number
}

/** What etcd alone does with values of this size: puts and reads, nothing around them. */
export async function measureEtcd(endpoint: string, count: number): Promise<RawRate[]> {
  const etcd = new Etcd3({ hosts: endpoint })
  const value = Buffer.from(JSON.stringify(aWidget(0)))
  const key = (index: number) => Buffer.from(`/bench/${index}`)
  const rates: RawRate[] = []
  try {
    for (const { inFlight } of levels) {
      const put = (index: number) => etcd.kv.put({ key: key(index), value }).then(() => {})
      const get = (index: number) => etcd.kv.range({ key: key(index) }).then(() => {})
      rates.push({ name: 'etcd put', inFlight, perSecond: await rate(count, inFlight, put) })
      rates.push({ name: 'etcd get', inFlight, perSecond: await rate(count, inFlight, get) })
    }
    await etcd.delete().prefix('/bench/')
    return rates
  } finally {
    etcd.close()
  }
}

async function rate(count: number, inFlight: number, run: (index: number) => Promise<void>) {
  const started = performance.now()
  await runInFlight({ count, inFlight, run })
  return (count * 1000) / (performance.now() - started)
}
