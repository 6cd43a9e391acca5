import type { Clock } from '../../apimachinery/clock.ts'
import type { TableRenderer } from './render.ts'

/** Name and age of everything. */
export function tableRenderer(_clock: Clock): TableRenderer {
  return {
    columns: () => [
      { name: 'Name', type: 'string', format: 'name', description: 'Name of the object.', priority: 0 },
      { name: 'Created At', type: 'date', format: '', description: 'When it was created.', priority: 0 },
    ],
    cells: (_definition, { metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? ''],
  }
}
