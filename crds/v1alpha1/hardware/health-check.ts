import { z } from 'zod'
import { itemName } from '../../meta/fields.ts'

const seconds = (fallback: number, description: string) =>
  z.int32().min(1).max(3600).default(fallback).meta({ description, effect: 'live' })

const port = z.int32().min(1).max(65_535).meta({ description: 'Port in the guest.', effect: 'live' })

const exec = z.object({
  command: z.array(z.string().max(4096)).min(1).max(64).meta({
    'x-kubernetes-list-type': 'atomic',
    description: 'Program and arguments, run by the guest agent. Exit code 0 is healthy.',
    effect: 'live',
  }),
})

const http = z.object({
  port,
  path: z
    .string()
    .max(2048)
    .regex(/^\/[!-~]*$/)
    .default('/')
    .meta({ description: 'Path of the request.', effect: 'live' }),
  scheme: z
    .enum(['http', 'https'])
    .default('http')
    .meta({ description: 'https is not checked against an authority.', effect: 'live' }),
})

/** One question to the guest: exactly one of agentPing, exec, http, tcp and panic. */
export const healthCheck = z
  .object({
    name: itemName('Unique within the machine.'),
    agentPing: z.object({}).optional().describe('The guest agent answers.'),
    exec: exec.optional().describe('A program inside the guest succeeds.'),
    http: http
      .optional()
      .describe("An HTTP request to the machine's first address gets an answer below 400."),
    tcp: z.object({ port }).optional().describe("The machine's first address takes a TCP connection."),
    panic: z.object({}).optional().describe("The guest's kernel has not crashed."),
    initialDelaySeconds: seconds(60, 'Time after the start before the first question.'),
    periodSeconds: seconds(10, 'Time between questions.'),
    timeoutSeconds: seconds(5, 'Time for an answer.'),
    failureThreshold: z.int32().min(1).max(100).default(3).meta({
      description: 'Failures in a row after which the guest counts as unhealthy.',
      effect: 'live',
    }),
    action: z.enum(['Restart', 'Reset', 'Notify']).default('Notify').meta({
      description: 'What is done for an unhealthy guest: a new run, the reset button, or an Event only.',
      effect: 'live',
    }),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '(has(self.agentPing) ? 1 : 0) + (has(self.exec) ? 1 : 0) + (has(self.http) ? 1 : 0) + (has(self.tcp) ? 1 : 0) + (has(self.panic) ? 1 : 0) == 1',
        message: 'exactly one of agentPing, exec, http, tcp and panic must be set',
      },
    ],
  })

export type HealthCheck = z.infer<typeof healthCheck>
