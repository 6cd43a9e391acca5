import type { TourCase } from '../tour.ts'
import { applying } from './applying.ts'
import { authorization } from './authorization.ts'
import { creating } from './creating.ts'
import { customKinds } from './custom-kinds.ts'
import { deleting } from './deleting.ts'
import { discovery } from './discovery.ts'
import { editing } from './editing.ts'
import { events } from './events.ts'
import { local } from './local.ts'
import { reading } from './reading.ts'
import { watching } from './watching.ts'

/** Cases of one subject, in the order in which they are run; later sections build on earlier ones. */
export interface TourSection {
  readonly title: string
  readonly cases: readonly TourCase[]
}

export const sections: readonly TourSection[] = [
  { title: 'discovery', cases: discovery },
  { title: 'without a server', cases: local },
  { title: 'creating', cases: creating },
  { title: 'reading', cases: reading },
  { title: 'watching', cases: watching },
  { title: 'editing', cases: editing },
  { title: 'applying', cases: applying },
  { title: 'custom kinds', cases: customKinds },
  { title: 'authorization', cases: authorization },
  { title: 'events', cases: events },
  { title: 'deleting', cases: deleting },
]
