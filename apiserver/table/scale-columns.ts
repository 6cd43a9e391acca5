import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import { ageOf } from './age.ts'
import { creationDescription, metadataOf, nameColumn, type TableColumn } from './columns.ts'

function countColumn(name: string, description: string, part: 'spec' | 'status'): TableColumn {
  return {
    definition: { name, type: 'integer', format: '', description, priority: 0 },
    cell: (scale) => (isJsonObject(scale[part]) ? (scale[part]['replicas'] ?? 0) : 0),
  }
}

/** The columns of `autoscaling/v1` Scale: how many are wanted and how many there are. */
export const scaleColumns: readonly TableColumn[] = [
  nameColumn,
  countColumn('Desired', 'Number of desired replicas', 'spec'),
  countColumn('Available', 'Number of actual replicas', 'status'),
  {
    definition: { name: 'Age', type: 'date', format: '', description: creationDescription, priority: 0 },
    cell: (scale: JsonObject, now) => ageOf(metadataOf(scale)['creationTimestamp'], now),
  },
]
