import type { TourCase } from '../tour.ts'

export const watching: readonly TourCase[] = [
  {
    run: 'get cm -l watched -w',
    out: [/seen +0 +\S+\n/, /seen +1 +\S+\n/],
    follow: {
      steps: [
        { seen: /^/, run: 'create cm seen' },
        { seen: /^/, run: 'label cm seen watched=yes' },
        { seen: /seen +0/, run: ['patch', 'cm', 'seen', '-p', '{"data":{"a":"1"}}'] },
      ],
      until: /seen +1/,
    },
  },
  {
    run: 'get cm seen -w -o jsonpath={.data.a};',
    out: /^1;2;/,
    follow: {
      steps: [{ seen: /1;/, run: ['patch', 'cm', 'seen', '-p', '{"data":{"a":"2"}}'] }],
      until: /2;/,
    },
  },
  {
    run: 'get cm seen --watch-only -o name',
    out: /configmap\/seen/,
    follow: { repeat: 'annotate cm seen --overwrite beat=$COUNT', until: /configmap\/seen/ },
  },
  {
    run: 'get cm --output-watch-events -w -l watched=yes',
    out: [/^EVENT +NAME +DATA +AGE$/m, /^ADDED +seen /m, /^MODIFIED +seen /m, /^DELETED +seen /m],
    follow: {
      steps: [
        { seen: /ADDED +seen/, run: ['patch', 'cm', 'seen', '-p', '{"data":{"a":"3"}}'] },
        { seen: /MODIFIED +seen/, run: 'delete cm seen' },
      ],
      until: /DELETED +seen/,
    },
  },
  {
    run: 'get ns -w -o name',
    out: /namespace\/default\n[\s\S]*namespace\/late/,
    follow: { steps: [{ seen: /namespace\/team/, run: 'create ns late' }], until: /namespace\/late/ },
  },
]
