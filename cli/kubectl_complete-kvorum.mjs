#!/usr/bin/env node
// kubectl asks this for what may follow `kubectl kvorum`.
process.env.KVORUM_AS_PLUGIN = '1'
process.argv.splice(2, 0, '__complete')
await import('./kvorum.mjs')
