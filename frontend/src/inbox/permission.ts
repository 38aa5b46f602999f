// Whether the composer is open. The gate decides when a message's turn comes (docs/decisions/0003); this only tells
// beforehand what it would say, by the facts that the API gives.
import type { Conversation } from './conversations'

const WINDOW = 24 * 60 * 60 * 1000

export type Standing =
  | { open: true; closes: Date | null }
  | { open: false; because: 'opted_out' | 'paused' }
  | { open: false; because: 'window_closed' | 'never_wrote' }

export function standing(one: Conversation, now: number): Standing {
  if (one.consent_state === 'revoked') return { open: false, because: 'opted_out' }
  if (one.consent_state === 'paused') return { open: false, because: 'paused' }
  if (one.channel !== 'whatsapp') return { open: true, closes: null }
  if (one.last_inbound_at === null) return { open: false, because: 'never_wrote' }
  const closes = new Date(Date.parse(one.last_inbound_at) + WINDOW)
  return now < closes.getTime() ? { open: true, closes } : { open: false, because: 'window_closed' }
}
