/** After an action: look again at once, or leave it until something changes or the time has passed. */
export type Next = 'again' | { readonly againAfterMs?: number }

export function after(ms: number | undefined): Next {
  return ms === undefined ? {} : { againAfterMs: ms }
}
