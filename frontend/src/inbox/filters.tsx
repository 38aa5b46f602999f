// What of the inbox is shown: questions that the API answers.
import { answer, api, myself, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import type { paths } from '../api/schema'
import { t } from '../words'
import type { Conversation } from './conversations'

export interface Filters {
  unread: boolean
  attention: boolean
  channel: '' | Conversation['channel']
  intent: string
  interest: '' | '40' | '70'
  /** 'me', 'nobody', or a colleague's id. */
  assignee: string
}

export const NONE: Filters = { unread: false, attention: false, channel: '', intent: '', interest: '', assignee: '' }

type Query = NonNullable<paths['/v1/conversations']['get']['parameters']['query']>

export function asked({ unread, attention, channel, intent, interest, assignee }: Filters): Query {
  return {
    ...(unread ? { unread } : {}),
    ...(attention ? { attention } : {}),
    ...(channel ? { channel } : {}),
    ...(intent ? { intent } : {}),
    ...(interest ? { interest: Number(interest) } : {}),
    ...(assignee ? { assignee } : {}),
  }
}

export function filtered(filters: Filters): boolean {
  return Object.keys(asked(filters)).length > 0
}

/** Everybody who works here, for saying whose a conversation is. */
export function useColleagues(): readonly Schemas['Member'][] {
  const members = useLive(() => answer(api.GET('/v1/members', { params: { query: { limit: 100 } } })), [])
  return members.data?.items ?? []
}

export function FilterBar({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const colleagues = useColleagues().filter((one) => one.id !== myself().id)
  const toggle = (key: 'unread' | 'attention', label: string) => (
    <button type="button" class="pill" aria-pressed={filters[key]} onClick={() => onChange({ ...filters, [key]: !filters[key] })}>
      {label}
    </button>
  )
  const choice = <K extends 'channel' | 'intent' | 'interest' | 'assignee'>(key: K, label: string, options: readonly (readonly [string, string])[]) => (
    <select
      class="pill"
      aria-label={label}
      data-set={filters[key] !== ''}
      value={filters[key]}
      onInput={(event) => onChange({ ...filters, [key]: event.currentTarget.value })}
    >
      <option value="">{label}</option>
      {options.map(([value, shown]) => (
        <option key={value} value={value} selected={filters[key] === value}>
          {shown}
        </option>
      ))}
    </select>
  )
  return (
    <div class="pills" role="group" aria-label={t.inbox.filters}>
      {toggle('unread', t.inbox.unread)}
      {toggle('attention', t.inbox.attention)}
      {choice('assignee', t.inbox.assignee, [['me', t.inbox.mine], ['nobody', t.inbox.nobodys], ...colleagues.map((one) => [one.id, one.email] as const)])}
      {choice('channel', t.inbox.channel, Object.entries(t.channelKinds).filter(([kind]) => kind !== 'lead_ads'))}
      {choice('intent', t.inbox.intent, Object.entries(t.intents))}
      {choice('interest', t.inbox.interest, [
        ['70', t.inbox.interestFrom(70)],
        ['40', t.inbox.interestFrom(40)],
      ])}
      {filtered(filters) && (
        <button type="button" class="pill clear" onClick={() => onChange(NONE)}>
          {t.inbox.clear}
        </button>
      )}
    </div>
  )
}
