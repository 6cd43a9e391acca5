import { open } from 'node:fs/promises'

// Real-mode code for a PC with q35's power management ports, loaded by the BIOS at 0x7c00.
const code: readonly (readonly [comment: string, ...bytes: number[]])[] = [
  ['ds = 0', 0x31, 0xc0, 0x8e, 0xd8],
  ['serial port: 8 bits, no parity', 0xba, 0xfb, 0x03, 0xb0, 0x03, 0xee],
  ['si = text', 0xbe, 0x64, 0x7c],
  ['print: next character; 0 ends', 0xac, 0x84, 0xc0, 0x74, 0x05],
  ['put, and on to the next', 0xe8, 0x2d, 0x00, 0xeb, 0xf6],
  ['let the power button be heard', 0xba, 0x02, 0x06, 0xb8, 0x00, 0x01, 0xef],
  ['wait: sleep until the timer ticks', 0xfb, 0xf4],
  ['power button pressed? then off', 0xba, 0x00, 0x06, 0xed, 0xf6, 0xc4, 0x01, 0x75, 0x32],
  ['nothing typed? then wait', 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xed],
  ['al = what was typed', 0xba, 0xf8, 0x03, 0xec],
  ['"!" panics', 0x3c, 0x21, 0x74, 0x1a],
  ['"." powers off', 0x3c, 0x2e, 0x74, 0x1e],
  ['put it back, and wait', 0xe8, 0x02, 0x00, 0xeb, 0xdc],
  ['put: until there is room', 0x88, 0xc4, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x20, 0x74, 0xfb],
  ['send', 0xba, 0xf8, 0x03, 0x88, 0xe0, 0xee, 0xc3],
  ['panic: tell the panic device, and wait', 0xba, 0x05, 0x05, 0xb0, 0x01, 0xee, 0xeb, 0xc3],
  ['off: enter S5', 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xeb, 0xf7],
]
const text = 'hello\r\n\0'
const sectorBytes = 512

/**
 * Writes a raw disk with the smallest guest there is: it boots in a second without KVM, echoes what is typed on the
 * serial console, powers off when the power button is pressed or `.` is typed, and panics on `!`. It has no agent.
 */
export async function writeBootSectorDisk(path: string, bytes = 1024 * 1024): Promise<void> {
  const sector = Buffer.alloc(sectorBytes)
  const program = code.flatMap(([, ...instructions]) => instructions)
  sector.set(program)
  sector.write(text, program.length, 'latin1')
  sector.writeUInt16LE(0xaa55, sectorBytes - 2)
  const file = await open(path, 'w')
  try {
    await file.write(sector)
    await file.truncate(bytes)
  } finally {
    await file.close()
  }
}
