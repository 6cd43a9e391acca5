// Loaded into the measured server with `--import`: tells its parent over IPC what can't be seen from outside. It is
// plain JavaScript so that it does not bring the type stripper, and its memory, into the server.
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'

const turnMs = 4
const resolutionMs = 1
const delay = monitorEventLoopDelay({ resolution: resolutionMs })
let longestHold = 0
let longestGc = 0
let last = process.threadCpuUsage()

function turn() {
  const now = process.threadCpuUsage()
  longestHold = Math.max(longestHold, (now.user + now.system - last.user - last.system) / 1000)
  last = now
}

function take() {
  const { heapUsed, external } = process.memoryUsage()
  const stallMs = Math.max(0, delay.max / 1e6 - resolutionMs)
  const sample = { stallMs, holdMs: longestHold, gcMs: longestGc, heapUsed, external }
  delay.reset()
  longestHold = 0
  longestGc = 0
  last = process.threadCpuUsage()
  return sample
}

if (process.send) {
  delay.enable()
  setInterval(turn, turnMs).unref()
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestGc = Math.max(longestGc, duration)
  }).observe({ entryTypes: ['gc'] })
  process.on('message', () => process.send?.(take()))
  process.channel?.unref()
}
