import type { LibvirtConnection } from './connection.ts'
import { LibvirtError } from './errors.ts'
import { virDomainEventID } from './generated/constants.ts'
import type { LibvirtEvent } from './generated/types.ts'

/** The name of a kind of event: its `type`. */
export type EventKind = LibvirtEvent['type']

type Register = (connection: LibvirtConnection) => Promise<unknown>

const domainEvent =
  (eventID: number): Register =>
  (connection) =>
    connection.call('connectDomainEventCallbackRegisterAny', { eventID, dom: null })
const networkEvent =
  (eventID: number): Register =>
  (connection) =>
    connection.call('connectNetworkEventRegisterAny', { eventID, net: null })
const poolEvent =
  (eventID: number): Register =>
  (connection) =>
    connection.call('connectStoragePoolEventRegisterAny', { eventID, pool: null })
const nodeDeviceEvent =
  (eventID: number): Register =>
  (connection) =>
    connection.call('connectNodeDeviceEventRegisterAny', { eventID, dev: null })
const secretEvent =
  (eventID: number): Register =>
  (connection) =>
    connection.call('connectSecretEventRegisterAny', { eventID, secret: null })

const registrations: Readonly<Record<EventKind, Register>> = {
  lifecycle: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_LIFECYCLE),
  reboot: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_REBOOT),
  rtcChange: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_RTC_CHANGE),
  watchdog: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_WATCHDOG),
  ioError: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_IO_ERROR),
  graphics: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_GRAPHICS),
  ioErrorReason: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON),
  controlError: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_CONTROL_ERROR),
  blockJob: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_BLOCK_JOB),
  diskChange: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_DISK_CHANGE),
  trayChange: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE),
  pmwakeup: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_PMWAKEUP),
  pmsuspend: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_PMSUSPEND),
  balloonChange: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE),
  pmsuspendDisk: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK),
  deviceRemoved: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED),
  blockJob2: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2),
  tunable: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_TUNABLE),
  agentLifecycle: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE),
  deviceAdded: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED),
  migrationIteration: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION),
  jobCompleted: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED),
  deviceRemovalFailed: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED),
  metadataChange: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE),
  blockThreshold: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD),
  memoryFailure: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE),
  memoryDeviceSizeChange: domainEvent(virDomainEventID.VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE),
  networkLifecycle: networkEvent(0),
  storagePoolLifecycle: poolEvent(0),
  storagePoolRefresh: poolEvent(1),
  nodeDeviceLifecycle: nodeDeviceEvent(0),
  nodeDeviceUpdate: nodeDeviceEvent(1),
  secretLifecycle: secretEvent(0),
  secretValueChanged: secretEvent(1),
  connectionClosed: (connection) => connection.call('connectRegisterCloseCallback'),
  qemuMonitor: (connection) =>
    connection.call('qemuConnectDomainMonitorEventRegister', { dom: null, event: null }),
}

/** Every kind but QEMU's own monitor events, which are many and not stable. */
export const defaultEventKinds: readonly EventKind[] = kindsOf(registrations).filter(
  (kind) => kind !== 'qemuMonitor',
)

function kindsOf(record: Readonly<Record<EventKind, unknown>>): EventKind[] {
  return Object.keys(record) as EventKind[]
}

/**
 * Asks the daemon to send events of these kinds for all objects, and returns the kinds that it refused:
 * an older daemon, or a driver that has no such thing.
 */
export async function registerEvents(
  connection: LibvirtConnection,
  kinds: readonly EventKind[],
): Promise<EventKind[]> {
  const results = await Promise.all(
    kinds.map(async (kind) => {
      try {
        await registrations[kind](connection)
        return undefined
      } catch (error) {
        if (error instanceof LibvirtError) return kind
        throw error
      }
    }),
  )
  return results.filter((kind) => kind !== undefined)
}
