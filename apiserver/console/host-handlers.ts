import { badRequest, StatusError } from '../../apimachinery/status-error.ts'
import type { Handler } from '../http/exchange.ts'
import { type ScreenshotDeps, screenshotHandler } from './screenshot.ts'

/** What answers requests, other than upgrades, for the subresources that hosts serve; by group, resource and name. */
export function hostHandlers(deps: ScreenshotDeps): Readonly<Record<string, Handler>> {
  const run = 'kvorum.dev/virtualmachineinstances'
  return {
    [`${run}/console`]: needsUpgrade,
    [`${run}/vnc`]: needsUpgrade,
    [`${run}/screenshot`]: screenshotHandler(deps),
  }
}

const needsUpgrade: Handler = async ({ info: { subresource, verb } }) => {
  if (verb !== 'get')
    throw new StatusError('MethodNotAllowed', `${subresource} is a WebSocket: it is opened with GET`)
  throw badRequest(`${subresource} is a WebSocket: the request lacks its upgrade`)
}
