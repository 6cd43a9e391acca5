/** Flags of Node that the programs are to be started with; started without, they start themselves anew with them. */
export const nodeFlags: readonly string[]

/** Runs a program to its end; sets the exit code. */
export function runProgram(name: string, args: readonly string[]): Promise<void>
