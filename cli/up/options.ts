import { Option } from 'commander'
import { z } from 'zod'

export function dataDirOption(): Option {
  return new Option('--data-dir <dir>', 'where everything is kept')
    .env('KVORUM_DATA_DIR')
    .default('/var/lib/kvorum')
}

const port = z.coerce.number().int().min(1).max(65535)

/** Options of `kvorum up`, from the command line and the environment. */
export const upOptions = z.object({
  dataDir: z.string().min(1),
  apply: z.string().optional(),
  detach: z.boolean().default(false),
  hostName: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name in lower case')
    .optional(),
  securePort: port.default(7443),
  bindAddress: z.string().default('127.0.0.1'),
  etcdPort: port.default(7379),
  daemonPort: port.default(7450),
})
export type UpOptions = z.infer<typeof upOptions>

export const downOptions = z.object({ dataDir: z.string().min(1), keepMachines: z.boolean().default(false) })
