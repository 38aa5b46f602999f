import type { Schemas } from '../api/client'
import { t } from '../words'

/** What a contact is called: by name, or else by what is known of them. */
export function nameOf({ name, phone, email }: Pick<Schemas['Contact'], 'name' | 'phone' | 'email'>): string {
  return name || phone || email || t.inbox.nameless
}
