import { type ImageHead, invalid } from './header-checks.ts'

const descriptorOffset = 0x8000
const descriptorBytes = 2048

/** Whether there is an ISO 9660 volume descriptor where one has to be. */
export function looksLikeIso(head: Buffer): boolean {
  return head.toString('latin1', descriptorOffset + 1, descriptorOffset + 6) === 'CD001'
}

/** Refuses a CD image that ends before its own volume does. */
export function checkIso({ head, fileBytes }: ImageHead): void {
  if (head.length < descriptorOffset + descriptorBytes) throw invalid('the iso image is cut short')
  const blocks = head.readUInt32LE(descriptorOffset + 80)
  const blockBytes = head.readUInt16LE(descriptorOffset + 128)
  if (blocks === 0 || blockBytes === 0) throw invalid('the iso image has no content')
  if (blocks * blockBytes > fileBytes)
    throw invalid(`the iso image was cut short: it has ${fileBytes} of ${blocks * blockBytes} bytes`)
}
