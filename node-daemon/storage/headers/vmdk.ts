import { checkVirtualSize, type ImageHead, invalid } from './header-checks.ts'

const sectorBytes = 512
// Those whose data are in the file that the descriptor is in.
const singleFile = ['monolithicSparse', 'streamOptimized']
const spread = 'the vmdk spreads over several files: convert it to one first'

/** Of a sparse extent with its descriptor inside: refuses one that names any other file. */
export function checkVmdk({ head, fileBytes }: ImageHead): void {
  if (head.length < sectorBytes) throw invalid('the vmdk header is cut short')
  const capacitySectors = head.readBigUInt64LE(12)
  // With no capacity of its own the header is a pointer to a list of other files.
  if (capacitySectors === 0n) throw invalid(spread)
  checkVirtualSize(capacitySectors * BigInt(sectorBytes))
  checkDescriptor(head, fileBytes)
}

function checkDescriptor(head: Buffer, fileBytes: number): void {
  const offset = head.readBigUInt64LE(28) * BigInt(sectorBytes)
  const length = head.readBigUInt64LE(36) * BigInt(sectorBytes)
  if (offset === 0n) return
  if (offset + length > fileBytes) throw invalid('the vmdk has its descriptor outside of itself')
  if (offset + length > head.length) throw invalid('the vmdk has a descriptor that is too large')
  const text = head.toString('latin1', Number(offset), Number(offset + length))
  const createType = /^\s*createType\s*=\s*"([^"]*)"/im.exec(text)?.[1]
  if (createType !== undefined && !singleFile.includes(createType)) throw invalid(spread)
  if (/^\s*parentFileNameHint\s*=/im.test(text))
    throw invalid('the vmdk has a parent: merge it into one file first')
  const extents = text.match(/^\s*(RW|RDONLY|NOACCESS)\s+\d+\s+\w+/gim) ?? []
  if (extents.length > 1 || extents.some((extent) => !/\sSPARSE$/i.test(extent))) throw invalid(spread)
}
