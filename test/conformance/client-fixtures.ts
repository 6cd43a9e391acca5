import { expect } from 'vitest'
import type { StatusError } from '../../apimachinery/status-error.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'

/** The namespace that the suites of the client work in. */
export const testNamespace = 'client-test'

export function newDisk(name: string, size = '1Gi', metadata: Partial<Disk['metadata']> = {}): Disk {
  return {
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'Disk',
    metadata: { name, namespace: testNamespace, ...metadata },
    // Left out, the server fills the rest in.
    spec: { size } as Disk['spec'],
  }
}

export const keyFor = (name: string) => ({ name, namespace: testNamespace })

/** The StatusError that a call fails with; the test fails when it does not. */
export async function failure(call: Promise<unknown>): Promise<StatusError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'StatusError' })
  return error as StatusError
}
