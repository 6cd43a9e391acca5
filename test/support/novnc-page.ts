import { readFile, writeFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'

const noVnc = fileURLToPath(new URL('../../node_modules/@novnc/novnc/', import.meta.url))
const origin = 'https://novnc.test'
const html = `<!doctype html>
<title>waiting</title>
<body style="margin: 0">
<div id="screen" style="height: 100vh"></div>
<script type="module">
  import RFB from '/core/rfb.js'
  const { url, protocols } = JSON.parse(decodeURIComponent(location.hash.slice(1)))
  const rfb = new RFB(document.getElementById('screen'), url, { wsProtocols: protocols })
  rfb.scaleViewport = true
  rfb.addEventListener('connect', () => (document.title = 'connected'))
  rfb.addEventListener('disconnect', () => (document.title = 'disconnected'))
</script>`

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-proxy-server',
  '--ignore-certificate-errors',
]

/** Starts Chromium by a program that gets its arguments, such as one that enters a test host first. */
export async function startChromium(
  directory: string,
  command: (argv: readonly string[]) => readonly string[],
): Promise<Browser> {
  const program = join(directory, 'chromium.sh')
  const words = command(['/usr/bin/chromium']).map((word) => `'${word}'`)
  await writeFile(program, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 })
  return await chromium.launch({ executablePath: program, args: flags })
}

/** Opens noVNC on a WebSocket with a bearer token, as a browser can hand it over. Its title tells how far it is. */
export async function openNoVnc(browser: Browser, url: string, token: string): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 800, height: 600 },
    ignoreHTTPSErrors: true,
  })
  // The page counts as one of the internet, which may not talk to this host unasked.
  await context.grantPermissions(['local-network-access'], { origin })
  const page = await context.newPage()
  await page.route(`${origin}/**`, async (route) => {
    const { pathname } = new URL(route.request().url())
    if (pathname === '/') return await route.fulfill({ contentType: 'text/html', body: html })
    const body = await readFile(join(noVnc, normalize(pathname)))
    await route.fulfill({ contentType: 'text/javascript', body })
  })
  // The server would like a client certificate: Chromium decides that there is none for pages, not for WebSockets.
  await page.goto(new URL('/readyz', url.replace(/^ws/, 'http')).href)
  const carrier = `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`
  const hash = encodeURIComponent(JSON.stringify({ url, protocols: ['binary', carrier] }))
  await page.goto(`${origin}/#${hash}`)
  return page
}

/** How many colours the screen in the page shows; 0 while there is none. */
export async function coloursShown(page: Page): Promise<number> {
  // In the browser, where there are other globals than here.
  return await page.evaluate<number>(`(() => {
    const canvas = document.querySelector('canvas')
    if (!canvas || canvas.width === 0) return 0
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    return new Set(new Uint32Array(data.buffer)).size
  })()`)
}
