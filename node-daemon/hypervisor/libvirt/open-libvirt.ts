import { LibvirtHost } from 'node-libvirt'

/**
 * The daemon's connection to libvirt, which hypervisor and networks share. `uri` is libvirt's, such as
 * `qemu:///system` or `qemu+unix:///system?socket=/path`. Comes back by itself after any loss.
 */
export function openLibvirt(uri: string): LibvirtHost {
  return new LibvirtHost(uri, {
    events: ['lifecycle', 'agentLifecycle', 'reboot', 'watchdog', 'metadataChange'],
    // A libvirtd that came back is wanted within a second or two, and asking costs one connect.
    backoff: { min: 50, max: 1000 },
    // A libvirtd that hangs is noticed after 8 s; a busy one answers, for its event loop does no other work.
    keepAlive: { interval: 2000, count: 3 },
    queryTimeout: 30_000,
  })
}
