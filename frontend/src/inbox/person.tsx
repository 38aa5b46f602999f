import { Notes } from '../contacts/notes'
import { Permissions } from '../consent/permissions'
import { IconButton } from '../parts/button'
import { Time, zone } from '../parts/time'
import { t } from '../words'
import type { Schemas } from '../api/client'
import { Assignee } from './assignee'
import { intentName, nameOf } from './row'

/** Who they are, and what stands about permission on every kind of channel. */
export function Person({ conversation: one, onChange, onClose }: {
  conversation: Schemas['ConversationInFull']
  onChange: () => Promise<void>
  onClose: () => void
}) {
  return (
    <aside class="person" aria-label={t.inbox.details}>
      <div class="row apart">
        <h2>
          <a href={`/contacts/${one.contact_id}`}>
            <bdi>{nameOf(one)}</bdi>
          </a>
        </h2>
        <IconButton icon="close" label={t.common.close} onClick={onClose} />
      </div>
      <dl class="facts">
        <dt>{t.inbox.number}</dt>
        <dd class="number">{one.phone ?? t.common.none}</dd>
        <dt>{t.inbox.intent}</dt>
        <dd>{one.intent ? intentName(one.intent) : t.common.none}</dd>
        <dt>{t.inbox.interest}</dt>
        <dd class="number">{one.interest ?? t.common.none}</dd>
        {one.last_inbound_at && (
          <>
            <dt>{t.inbox.lastWrote}</dt>
            <dd>
              <Time at={one.last_inbound_at} />
            </dd>
          </>
        )}
      </dl>
      <h3>{t.inbox.assignee}</h3>
      <Assignee conversation={one} onChange={onChange} />
      <h3>{t.contacts.notes}</h3>
      <Notes contact={one.contact_id} />
      <h3>{t.inbox.permission}</h3>
      <Permissions contact={one.contact_id} />
      <p class="small soft">{t.common.timesIn(zone())}</p>
    </aside>
  )
}
