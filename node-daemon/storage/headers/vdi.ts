import { checkVirtualSize, type ImageHead, invalid } from './header-checks.ts'

const headerBytes = 512
const dynamicType = 1
const staticType = 2

/** Refuses a differencing image and one whose block map is not in it. */
export function checkVdi({ head, fileBytes }: ImageHead): void {
  if (head.length < headerBytes) throw invalid('the vdi header is cut short')
  const type = head.readUInt32LE(0x4c)
  if (type !== dynamicType && type !== staticType)
    throw invalid('the vdi needs another file: merge it into one first')
  checkVirtualSize(head.readBigUInt64LE(0x170))
  const mapOffset = head.readUInt32LE(0x154)
  const blocks = head.readUInt32LE(0x180)
  if (mapOffset + blocks * 4 > fileBytes)
    throw invalid('the vdi has its block map outside of itself: it is damaged or was cut short')
}
