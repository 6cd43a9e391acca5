/** libvirt, bridges and packages need root; says how to get there instead of failing half-way. */
export function requireRoot(command: string): void {
  if (process.getuid?.() === 0) return
  console.error(
    `${command} needs root: it installs packages, starts libvirtd and makes network bridges.\nRun: sudo ${command}`,
  )
  process.exit(1)
}
