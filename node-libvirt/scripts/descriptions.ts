/** One sentence on what a procedure does, for those whose name does not already say it all. */
export const descriptions: Readonly<Record<string, string>> = {}

/** One sentence on when an event is sent. */
export const eventDescriptions: Readonly<Record<string, string>> = {}
