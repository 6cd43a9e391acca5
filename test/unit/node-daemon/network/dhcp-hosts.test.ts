import { describe, expect, test } from 'vitest'
import { planDhcpHost, planDhcpRemoval } from '../../../../node-daemon/network/libvirt/dhcp-hosts.ts'

const web = { macAddress: '52:54:00:00:00:01', ipAddress: '10.80.0.5', name: 'web' }
const db = { macAddress: '52:54:00:00:00:02', ipAddress: '10.80.0.6', name: 'db' }

describe('planDhcpHost', () => {
  test.each([
    { name: 'adds what is new', entries: [db], host: web, remove: [], add: [web] },
    { name: 'does nothing when the entry is there', entries: [web, db], host: web, remove: [], add: [] },
    {
      name: 'knows MAC addresses in capitals',
      entries: [web],
      host: { ...web, macAddress: web.macAddress.toUpperCase() },
      remove: [],
      add: [],
    },
    {
      name: 'replaces what the card and the address had',
      entries: [web, db],
      host: { ...web, ipAddress: db.ipAddress },
      remove: [web, db],
      add: [{ ...web, ipAddress: db.ipAddress }],
    },
    {
      name: 'goes without a name that another machine has',
      entries: [web],
      host: { ...db, name: 'web' },
      remove: [],
      add: [{ macAddress: db.macAddress, ipAddress: db.ipAddress }],
    },
    {
      name: 'leaves an entry without name alone while the name is taken',
      entries: [web, { macAddress: db.macAddress, ipAddress: db.ipAddress }],
      host: { ...db, name: 'web' },
      remove: [],
      add: [],
    },
    {
      name: 'renames',
      entries: [web],
      host: { ...web, name: 'www' },
      remove: [web],
      add: [{ ...web, name: 'www' }],
    },
  ])('$name', ({ entries, host, remove, add }) => {
    expect(planDhcpHost(entries, host)).toEqual({ remove, add })
  })
})

test('planDhcpRemoval takes the card alone', () => {
  expect(planDhcpRemoval([web, db], web.macAddress.toUpperCase())).toEqual({ remove: [web], add: [] })
  expect(planDhcpRemoval([db], web.macAddress)).toEqual({ remove: [], add: [] })
})
