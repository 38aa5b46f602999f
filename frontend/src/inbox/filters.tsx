// What of the inbox is shown. The API can leave out what is read; the rest is sorted out among what has been loaded.
import { t } from '../words'
import type { Conversation } from './conversations'

export interface Filters {
  unread: boolean
  attention: boolean
  channel: '' | Conversation['channel']
  intent: string
  interest: '' | '40' | '70'
}

export const NONE: Filters = { unread: false, attention: false, channel: '', intent: '', interest: '' }

/** Whether anything is sorted out here, and not by the API. */
export function sorts({ attention, channel, intent, interest }: Filters): boolean {
  return attention || channel !== '' || intent !== '' || interest !== ''
}

export function fits(one: Conversation, filters: Filters): boolean {
  if (filters.attention && one.attention === null) return false
  if (filters.channel !== '' && one.channel !== filters.channel) return false
  if (filters.intent !== '' && one.intent !== filters.intent) return false
  return filters.interest === '' || (one.interest ?? -1) >= Number(filters.interest)
}

export function FilterBar({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const toggle = (key: 'unread' | 'attention', label: string) => (
    <button type="button" class="pill" aria-pressed={filters[key]} onClick={() => onChange({ ...filters, [key]: !filters[key] })}>
      {label}
    </button>
  )
  const choice = <K extends 'channel' | 'intent' | 'interest'>(key: K, label: string, options: readonly (readonly [string, string])[]) => (
    <select
      class="pill"
      aria-label={label}
      data-set={filters[key] !== ''}
      value={filters[key]}
      onInput={(event) => onChange({ ...filters, [key]: event.currentTarget.value })}
    >
      <option value="">{label}</option>
      {options.map(([value, shown]) => (
        <option key={value} value={value}>
          {shown}
        </option>
      ))}
    </select>
  )
  return (
    <div class="pills" role="group" aria-label={t.inbox.filters}>
      {toggle('unread', t.inbox.unread)}
      {toggle('attention', t.inbox.attention)}
      {choice('channel', t.inbox.channel, Object.entries(t.channelKinds).filter(([kind]) => kind !== 'lead_ads'))}
      {choice('intent', t.inbox.intent, Object.entries(t.intents))}
      {choice('interest', t.inbox.interest, [
        ['70', t.inbox.interestFrom(70)],
        ['40', t.inbox.interestFrom(40)],
      ])}
    </div>
  )
}
