import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseOwner } from '../../../../../node-daemon/hypervisor/libvirt/xml/metadata.ts'
import {
  many,
  one,
  optional,
  parseXml,
  text,
} from '../../../../../node-daemon/hypervisor/libvirt/xml/parse.ts'

const document = z.object({
  a: one(z.object({ '@x': z.string().optional(), b: many(text), c: optional(text) })),
})
const parse = (xml: string) => parseXml('a document', xml, document).a

describe('parseXml', () => {
  test('reads an element the same way however often it occurs', () => {
    expect(parse('<a><b>1</b></a>').b).toEqual(['1'])
    expect(parse('<a><b>1</b><b> 2 </b></a>').b).toEqual(['1', '2'])
    expect(parse('<a/>').b).toEqual([])
    expect(parse('<a><c>x</c></a>').c).toBe('x')
  })

  test('keeps numbers as text and undoes escapes', () => {
    expect(parse('<a x="&lt;0x1F&quot;&amp;"><b>007</b></a>')).toMatchObject({ '@x': '<0x1F"&', b: ['007'] })
  })

  test('drops prefixes', () => {
    expect(parse('<k:a xmlns:k="urn:k"><k:b>1</k:b></k:a>').b).toEqual(['1'])
  })

  test.each([
    { name: 'a document type', xml: '<!DOCTYPE a [<!ENTITY e "boo">]><a><b>&e;</b></a>' },
    { name: 'another root', xml: '<other/>' },
    { name: 'two roots', xml: '<a/><a/>' },
    { name: 'no XML', xml: 'hello' },
    { name: 'too deep a tree', xml: `${'<a>'.repeat(200)}${'</a>'.repeat(200)}` },
    { name: 'too long a document', xml: `<a x="${'x'.repeat(5 * 1024 * 1024)}"/>` },
  ])('refuses $name as failed', ({ xml }) => {
    expect(() => parse(xml)).toThrow(expect.objectContaining({ name: 'HypervisorError', code: 'failed' }))
  })
})

describe('parseOwner', () => {
  test('reads what libvirt returns for our namespace, with and without prefix', () => {
    const owner = { namespace: 'default', name: 'hello', uid: 'u-1' }
    expect(parseOwner('<owner namespace="default" name="hello" uid="u-1"/>')).toEqual(owner)
    expect(
      parseOwner(
        '<kvorum:owner xmlns:kvorum="https://kvorum.dev/xmlns/domain/1" namespace="default" name="hello" uid="u-1"/>',
      ),
    ).toEqual(owner)
  })

  test('refuses an owner without uid', () => {
    expect(() => parseOwner('<owner namespace="default" name="hello"/>')).toThrow('uid')
  })
})
