// Copies a volume into a file, keeping its holes: node download-volume.mjs <pool> <volume> <file> [uri]
import { open } from 'node:fs/promises'
import { LibvirtHost, StreamHole, virStorageVolDownloadFlags } from 'node-libvirt'

const [poolName, volumeName, path, uri = 'qemu:///system'] = process.argv.slice(2)
const host = await LibvirtHost.connect(uri)
const { pool } = await host.query('storagePoolLookupByName', { name: poolName })
const { vol } = await host.query('storageVolLookupByName', { pool, name: volumeName })

const flags = virStorageVolDownloadFlags.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
const { stream } = await host.stream(
  'storageVolDownload',
  { vol, offset: 0n, length: 0n, flags },
  { sparse: true },
)
const file = await open(path, 'w')
let at = 0
for await (const piece of /** @type {AsyncIterable<Uint8Array | StreamHole>} */ (stream)) {
  if (piece instanceof StreamHole) at += Number(piece.length)
  else at += (await file.write(piece, 0, piece.length, at)).bytesWritten
}
await file.truncate(at)
await file.close()
console.log(`${at} bytes`)
await host.close()
