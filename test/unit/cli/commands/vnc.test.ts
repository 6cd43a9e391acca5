import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { takeScreenshot } from '../../../../cli/commands/screenshot.ts'
import { installedViewers, type Viewers } from '../../../../cli/commands/vnc-viewers.ts'
import { showScreen, viewerFile, type VncOptions } from '../../../../cli/commands/vnc.ts'
import { aContext, fakeApi, type FakeContext } from '../fake-api.ts'

const path = '/apis/kvorum.dev/v1alpha1/namespaces/default/virtualmachineinstances/web'

let server: WebSocketServer
let opened: string[]
let refuse: boolean
let stop: AbortController
let directory: string
beforeEach(async () => {
  opened = []
  refuse = false
  stop = new AbortController()
  directory = await mkdtemp(join(tmpdir(), 'kvorum-vnc-test-'))
  server = new WebSocketServer({ host: '127.0.0.1', port: 0, verifyClient: () => !refuse })
  server.on('connection', (client) => {
    client.send(Buffer.from('RFB 003.008\n'))
    client.on('message', (data) => client.send(data as Buffer))
  })
  await new Promise((resolve) => server.once('listening', resolve))
})
afterEach(async () => {
  stop.abort()
  for (const client of server.clients) client.terminate()
  server.close()
  await rm(directory, { recursive: true })
})

const noViewer: Viewers = { find: async () => undefined, run: async () => {} }

function show(options: VncOptions = {}, viewers = noViewer) {
  const context = aContext(fakeApi(), { signal: stop.signal })
  const openWebSocket = async (asked: string) => {
    opened.push(asked)
    return new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  return { context, done: showScreen(context, ['vm/web'], options, { openWebSocket, viewers }) }
}

const portOf = async (context: FakeContext) => {
  await expect.poll(() => context.printed()).toMatch(/^127\.0\.0\.1:\d+\n$/)
  return Number(context.printed().trim().split(':')[1])
}

/** A viewer that has heard the server's first words. */
async function greeted(port: number): Promise<Socket> {
  const viewer = connect(port, '127.0.0.1')
  expect(await heard(viewer)).toBe('RFB 003.008\n')
  return viewer
}

const heard = (viewer: Socket) =>
  new Promise<string>((resolve) => viewer.once('data', (data) => resolve(data.toString())))

describe('kvorum vnc', () => {
  test('leads viewers on a local port to the screen, both ways', async () => {
    const { context, done } = show({ proxyOnly: true })
    const port = await portOf(context)
    expect(opened).toEqual([`${path}/vnc`])

    const first = await greeted(port)
    // The connection that was there already is used up now.
    const second = await greeted(port)
    expect(opened).toHaveLength(2)
    const answer = heard(second)
    second.write('hello')
    expect(await answer).toBe('hello')

    const ended = [first, second].map((viewer) => new Promise((resolve) => viewer.once('close', resolve)))
    stop.abort()
    await done
    await Promise.all(ended)
  })

  test('ends a viewer whose machine has ended', async () => {
    const { context } = show({ proxyOnly: true })
    const viewer = await greeted(await portOf(context))
    const ended = new Promise((resolve) => viewer.once('close', resolve))
    for (const client of server.clients) client.close(1000)
    await ended
  })

  test('says what the server says when it refuses', async () => {
    refuse = true
    await expect(show().done).rejects.toThrow('the server answered 401')
  })

  test('starts the viewer with a file, and ends with it', async () => {
    let read = ''
    const viewers: Viewers = {
      find: async () => ({ kind: 'remote-viewer', path: '/usr/bin/remote-viewer' }),
      async run(_viewer, { file, port }) {
        expect(file).toMatch(/\/web\.vv$/)
        read = await readFile(file, 'utf8')
        expect(read).toBe(viewerFile('web', port))
        ;(await greeted(port)).destroy()
      },
    }
    const { context, done } = show({}, viewers)
    await done
    expect(read).toMatch(/^\[virt-viewer\]\ntype=vnc\nhost=127\.0\.0\.1\nport=\d+\ntitle=web\n$/)
    expect(context.printed()).toBe('')
  })

  test('without a viewer prints the address, and why', async () => {
    const { context } = show()
    await portOf(context)
    expect(context.errors()).toMatch(/^Neither remote-viewer nor vncviewer is installed\./)
  })

  test.each(['x', '-1', '65536', '1.5'])('does not take %s for a port', async (port) => {
    await expect(show({ port }).done).rejects.toThrow('--port takes a number up to 65535')
  })
})

describe('viewers', () => {
  test('are found on the PATH, the better one first, and run with what they take', async () => {
    const viewers = installedViewers({ PATH: `/nonexistent:${directory}` })
    expect(await viewers.find()).toBeUndefined()

    const program = join(directory, 'vncviewer')
    await writeFile(program, `#!/bin/sh\nprintf '%s' "$*" > ${directory}/arguments\n`)
    await chmod(program, 0o755)
    const viewer = await viewers.find()
    expect(viewer).toEqual({ kind: 'vncviewer', path: program })
    if (viewer) await viewers.run(viewer, { file: '/tmp/web.vv', port: 5901 }, stop.signal)
    expect(await readFile(join(directory, 'arguments'), 'utf8')).toBe('127.0.0.1::5901')

    await writeFile(join(directory, 'remote-viewer'), '#!/bin/sh\n', { mode: 0o755 })
    expect(await viewers.find()).toMatchObject({ kind: 'remote-viewer' })
  })
})

describe('kvorum screenshot', () => {
  test('writes the image to the file, and to standard output', async () => {
    const file = join(directory, 'web.png')
    const api = fakeApi().stream(`${path}/screenshot`, ['one'], ['two'])
    const context = aContext(api)
    const stdout = new PassThrough()

    await takeScreenshot(context, ['vm/web'], { output: file, stdout })
    await takeScreenshot(context, ['vm/web'], { output: '-', stdout })

    expect(await readFile(file, 'utf8')).toBe('one\n')
    expect(context.printed()).toBe(`${file}\n`)
    expect(String(stdout.read())).toBe('two\n')
  })

  test('does not fill a terminal with bytes', async () => {
    const stdout = Object.assign(new PassThrough(), { isTTY: true })
    await expect(takeScreenshot(aContext(fakeApi()), ['vm/web'], { output: '-', stdout })).rejects.toThrow(
      'this terminal shows no images',
    )
  })
})
