import { IconButton } from '../parts/button'
import { Badge, type Tone } from '../parts/notice'
import { Time, zone } from '../parts/time'
import { t } from '../words'
import type { Schemas } from '../api/client'
import { intentName, nameOf } from './row'

const TONES: Record<string, Tone> = { granted: 'good', revoked: 'bad', paused: 'warn' }

/** Who they are, and what stands about permission on every kind of channel. */
export function Person({ conversation: one, onClose }: { conversation: Schemas['ConversationInFull']; onClose: () => void }) {
  return (
    <aside class="person" aria-label={t.inbox.details}>
      <div class="row apart">
        <h2>
          <bdi>{nameOf(one)}</bdi>
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
        <dt>{t.inbox.lastWrote}</dt>
        <dd>{one.last_inbound_at ? <Time at={one.last_inbound_at} /> : t.common.never}</dd>
      </dl>
      <h3>{t.inbox.permission}</h3>
      {one.permissions.length === 0 && <p class="soft">{t.inbox.noPermission}</p>}
      <ul class="permissions">
        {one.permissions.map((stands) => (
          <li key={`${stands.channel}.${stands.purpose}`}>
            <span class="row apart">
              <span>
                {t.channelNames[stands.channel]}
                {stands.purpose !== 'all' && ` · ${t.purposes[stands.purpose]}`}
              </span>
              <Badge tone={TONES[stands.state] ?? 'plain'}>{t.consentStates[stands.state]}</Badge>
            </span>
            <span class="small soft">
              {stands.source in t.sources ? t.sources[stands.source as keyof typeof t.sources] : stands.source}, <Time at={stands.since} />
            </span>
          </li>
        ))}
      </ul>
      <p class="small soft">{t.common.timesIn(zone())}</p>
    </aside>
  )
}
