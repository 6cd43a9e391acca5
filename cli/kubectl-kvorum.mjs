#!/usr/bin/env node
// kubectl finds this in PATH as its plugin `kubectl kvorum`: the same program, on the server that kubectl talks to.
process.env.KVORUM_AS_PLUGIN = '1'
await import('./kvorum.mjs')
