import { readFile } from 'node:fs/promises'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { durationMs, type ApiServerOptions } from '../options.ts'
import { WebhookClient } from '../webhook/webhook-client.ts'
import { endpointFromKubeconfig } from '../webhook/webhook-endpoint.ts'
import type { AuditSink } from './audit-sink.ts'
import { Auditor, lossCounter } from './auditor.ts'
import { LogSink, standardOutput } from './log-sink.ts'
import { defaultAuditPolicy, parseAuditPolicy } from './policy.ts'
import { RotatingFile } from './rotating-file.ts'
import { WebhookSink } from './webhook-sink.ts'

const megabyte = 1024 * 1024

/**
 * Opens the audit log that the flags ask for; undefined when they name nowhere to write to. Throws for a policy or a
 * kubeconfig that is not valid, and for a file that cannot be written.
 */
export async function openAuditor(
  options: ApiServerOptions,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<Auditor | undefined> {
  const { auditLogPath, auditWebhookConfigFile, auditPolicyFile } = options
  const policy =
    auditPolicyFile === undefined
      ? defaultAuditPolicy
      : parseAuditPolicy(await readFile(auditPolicyFile, 'utf8'))
  const losses = lossCounter()
  const sinks: AuditSink[] = []
  const toLog = { log, onLost: (events: number) => losses.inc({ plugin: 'log' }, events) }
  if (auditLogPath === '-') sinks.push(new LogSink(standardOutput(), toLog))
  else if (auditLogPath !== undefined) {
    const file = new RotatingFile({
      path: auditLogPath,
      maxBytes: options.auditLogMaxsize * megabyte,
      maxBackups: options.auditLogMaxbackup,
      maxAgeDays: options.auditLogMaxage,
      clock,
    })
    await file.check()
    sinks.push(new LogSink(file, toLog))
  }
  if (auditWebhookConfigFile !== undefined) {
    sinks.push(
      new WebhookSink({
        client: new WebhookClient(endpointFromKubeconfig(auditWebhookConfigFile), clock),
        maxBatchSize: options.auditWebhookBatchMaxSize,
        maxWaitMs: durationMs(options.auditWebhookBatchMaxWait),
        bufferSize: options.auditWebhookBatchBufferSize,
        initialBackoffMs: durationMs(options.auditWebhookInitialBackoff),
        clock,
        log,
        onLost: (events) => losses.inc({ plugin: 'webhook' }, events),
      }),
    )
  }
  return sinks.length === 0 ? undefined : new Auditor({ policy, sinks, losses, clock })
}
