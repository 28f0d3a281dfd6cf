/** Returns the fields of the vendor's answer that say how long a token is good, from the end of its life. */
export function lifetimeFields(expiresAtMs: number, nowMs: number) {
  return {
    token_type: 'Bearer',
    expires_in: Math.max(0, Math.floor((expiresAtMs - nowMs) / 1000)),
    expires_at: `${new Date(expiresAtMs).toISOString().slice(0, 19)}Z`,
  } as const;
}
