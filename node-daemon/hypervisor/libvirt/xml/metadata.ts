import { z } from 'zod'
import type { DomainOwner } from '../../domain-spec.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'
import { one, parseXml } from './parse.ts'

/** The XML namespace of what Kvorum notes in a domain's metadata. Never changed: it is how domains are recognised. */
export const domainMetadataUri = 'https://kvorum.dev/xmlns/domain/1'

/** Whose run the domain is: with this the daemon finds its domains again after any restart. */
export function ownerMetadata({ namespace, name, uid }: DomainOwner): XmlElement {
  return element('metadata', {}, [
    element('kvorum:owner', { 'xmlns:kvorum': domainMetadataUri, namespace, name, uid }),
  ])
}

const field = z.string().min(1).max(253)
const ownerDocument = z.object({
  owner: one(z.object({ '@namespace': field, '@name': field, '@uid': field })),
})

/** Reads the element that libvirt returns for `domainMetadataUri`. */
export function parseOwner(xml: string): DomainOwner {
  const { owner } = parseXml('the owner of a domain', xml, ownerDocument)
  return { namespace: owner['@namespace'], name: owner['@name'], uid: owner['@uid'] }
}
