import { useMemo } from 'preact/hooks'
import { Badge } from '../parts/notice'
import { Icon } from '../parts/icon'
import { Time } from '../parts/time'
import { t } from '../words'
import type { Conversation } from './conversations'

interface Given {
  conversation: Conversation
  chosen: boolean
}

/** Made anew only when its conversation is another, or the day: while the list scrolls, most rows stay as they are. */
export function Row({ conversation, chosen }: Given) {
  return useMemo(() => shown({ conversation, chosen }), [conversation, chosen, new Date().toDateString()])
}

function shown({ conversation: one, chosen }: Given) {
  const fresh = one.unread_count > 0
  return (
    <a href={`/inbox/${one.id}`} class={`conversation ${fresh ? 'fresh' : ''}`} aria-current={chosen ? 'true' : undefined}>
      <span class="who">
        <bdi class="name">{nameOf(one)}</bdi>
        <Time at={one.last_message_at} form="short" />
      </span>
      <span class="said">
        <bdi>{one.preview || t.kinds[one.preview_kind]}</bdi>
        {fresh && (
          <span class="count number">
            {one.unread_count}
            <span class="unseen"> {t.shell.unread}</span>
          </span>
        )}
      </span>
      <span class="marks">
        <Badge>{t.channelKinds[one.channel]}</Badge>
        {one.intent && <Badge>{intentName(one.intent)}</Badge>}
        {one.interest !== null && <Interest value={one.interest} />}
        {one.consent_state === 'revoked' && <Badge tone="bad">{t.inbox.optedOut}</Badge>}
        {one.consent_state === 'paused' && <Badge tone="warn">{t.inbox.paused}</Badge>}
        {one.attention && (
          <span class="look" title={t.inbox.attention}>
            <Icon name="warning" />
            <span class="unseen">{t.inbox.attention}</span>
          </span>
        )}
      </span>
    </a>
  )
}

export function nameOf(one: Conversation): string {
  return one.name || one.phone || t.inbox.nameless
}

export function intentName(intent: string): string {
  return intent in t.intents ? t.intents[intent as keyof typeof t.intents] : intent
}

/** Interest from 0 to 100, as a number and as a bar. */
export function Interest({ value }: { value: number }) {
  return (
    <span class="interest" title={t.inbox.interestOf(value)}>
      <span class="bar" aria-hidden="true">
        <span style={{ width: `${value}%` }} />
      </span>
      <span class="unseen">{t.inbox.interest} </span>
      <span class="number">{value}</span>
    </span>
  )
}
