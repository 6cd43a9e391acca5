import { join } from 'node:path'
import { main } from '../cli/main.ts'

const dataDir = process.env['KVORUM_DATA_DIR'] ?? join(import.meta.dirname, '..', '.kvorum')
process.exitCode = await main(['down', '--data-dir', dataDir, ...process.argv.slice(2)])
