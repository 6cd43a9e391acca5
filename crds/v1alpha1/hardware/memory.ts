import { z } from 'zod'
import { quantity } from '../../meta/fields.ts'

export const memory = z
  .object({
    size: quantity('Memory that the guest has.').meta({
      effect: 'restart',
    }),
    maxSize: quantity(
      'Memory that the machine can grow to while it runs. Left out, it cannot grow beyond size.',
    )
      .optional()
      .meta({ effect: 'restart' }),
    guaranteed: quantity('Memory that the host never takes back by the balloon. Left out, all of it.')
      .optional()
      .meta({ effect: 'restart' }),
    hugePages: z
      .enum(['2Mi', '1Gi'])
      .optional()
      .meta({ description: "Size of the host's huge pages that back the memory.", effect: 'restart' }),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '!has(self.maxSize) || quantity(string(self.maxSize)).compareTo(quantity(string(self.size))) >= 0',
        message: 'maxSize must not be less than size',
        fieldPath: '.maxSize',
      },
      {
        rule: '!has(self.guaranteed) || quantity(string(self.guaranteed)).compareTo(quantity(string(self.size))) <= 0',
        message: 'guaranteed must not be more than size',
        fieldPath: '.guaranteed',
      },
    ],
  })

export type Memory = z.infer<typeof memory>
