import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { constants } from 'node:fs'

const probeMs = 15_000

/**
 * Whether KVM really runs guests here: a device that is there and opens may still fail at the first instructions
 * (nested virtualisation gone wrong), so a real kernel is booted from `image` and must get to its first words.
 */
export async function kvmWorks(image: string): Promise<boolean> {
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  return opens && (await boots(image))
}

function boots(image: string): Promise<boolean> {
  const args = ['-machine', 'q35,accel=kvm', '-m', '128', '-nodefaults', '-display', 'none', '-no-reboot']
  const qemu = spawn(
    'qemu-system-x86_64',
    [...args, '-snapshot', '-drive', `file=${image},if=virtio,format=qcow2`, '-serial', 'stdio'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  return new Promise((resolve) => {
    let output = ''
    const finish = (works: boolean) => {
      clearTimeout(timer)
      qemu.kill('SIGKILL')
      resolve(works)
    }
    const timer = setTimeout(() => finish(false), probeMs)
    const read = (chunk: Buffer) => {
      output = (output + chunk.toString('latin1')).slice(-4096)
      if (output.includes('hello from Kvorum')) finish(true)
      if (output.includes('KVM internal error')) finish(false)
    }
    qemu.stdout.on('data', read)
    qemu.stderr.on('data', read)
    qemu.on('error', () => finish(false))
    qemu.on('exit', () => finish(false))
  })
}
