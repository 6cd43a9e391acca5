import type { Duplex } from 'node:stream'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { UserInfo } from '../http/exchange.ts'
import type { AuditedRequest, AuditTrail } from './audit-trail.ts'
import type { Auditor } from './auditor.ts'

const switchingProtocols = 101

/** Follows a request that turns its connection into something else, such as a console. */
export class UpgradeAudit {
  readonly context: AuditedRequest & { readonly user: UserInfo }
  readonly #trail: AuditTrail | undefined

  constructor(auditor: Auditor | undefined, context: AuditedRequest & { readonly user: UserInfo }) {
    this.context = context
    this.#trail = auditor?.begin(context)
    this.#trail?.received()
  }

  /** The connection is handed over; its end is told as well. */
  opened(socket: Duplex): void {
    const reply = { type: 'raw', code: switchingProtocols, headers: {}, body: '' } as const
    this.#trail?.started(switchingProtocols)
    socket.once('close', () => this.#trail?.completed(reply))
  }

  failed(error: unknown): void {
    if (error instanceof StatusError) this.#trail?.failed(error)
    else this.#trail?.panicked(error)
  }
}
