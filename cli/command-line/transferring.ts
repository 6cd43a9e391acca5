import type { Command } from 'commander'
import { setTimeout as sleepFor } from 'node:timers/promises'
import { systemClock } from '../../apimachinery/clock.ts'
import type { TransferDeps } from '../commands/image.ts'
import { progressBar } from '../commands/progress-bar.ts'
import { connected, examples, serverCommand, type Setting } from './setting.ts'

const maxTries = 30

function transferDeps(openWebSocket: TransferDeps['openWebSocket']): TransferDeps {
  return {
    openWebSocket,
    progress: progressBar(systemClock, process.stderr),
    sleep: (ms, signal) => sleepFor(ms, undefined, { signal }),
    maxTries,
  }
}

/** The commands that bring images and take disks away. */
export function addTransferring(program: Command, setting: Setting): void {
  const image = program.command('image').description('bring images')
  const upload = serverCommand(image, 'upload')
    .argument('<name>', 'an Image with source.upload')
    .argument('<file>', 'what it is to hold')
    .description('upload the bytes of an image; goes on where an earlier upload broke off')
    .action((name: string, path: string) =>
      connected(setting, upload, async (context, { openWebSocket }) =>
        (await import('../commands/image.ts')).uploadImage(
          context,
          { name, path },
          transferDeps(openWebSocket),
        ),
      ),
    )
  examples(upload, setting, ['kvorum image upload debian-12 debian-12.qcow2'])
  const disk = program.command('disk').description('take disks away')
  const download = serverCommand(disk, 'download')
    .argument('<name>', 'a Disk that no machine uses')
    .argument('<file>', 'where to put it, as qcow2')
    .description('download a disk; goes on where an earlier download broke off')
    .action((name: string, path: string) =>
      connected(setting, download, async (context, { openWebSocket }) =>
        (await import('../commands/disk.ts')).downloadDisk(
          context,
          { name, path },
          transferDeps(openWebSocket),
        ),
      ),
    )
  examples(download, setting, ['kvorum disk download web-root web-root.qcow2'])
}
