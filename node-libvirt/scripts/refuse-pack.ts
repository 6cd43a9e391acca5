/** The sources are not the package: `exports` here points at TypeScript, which Node does not run from a package. */
process.stderr.write('Run "npm run build" and pack or publish ./dist instead.\n')
process.exitCode = 1
