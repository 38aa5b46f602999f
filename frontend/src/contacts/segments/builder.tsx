// Conditions put together by hand: groups, and questions in them.
import type { ComponentChildren } from 'preact'
import { answer, api, type Schemas } from '../../api/client'
import { useLive } from '../../api/live'
import { Button, IconButton } from '../../parts/button'
import { t } from '../../words'
import { fieldOf, fresh, type Group, isGroup, type Kind, OFFERED, offered, part, type Part, type Question, unanswered } from './tree'

type Own = Schemas['FieldOfContacts']

interface Known {
  own: readonly Own[]
  tags: readonly Schemas['Tag'][]
}

/** Deeper than this nobody understands it; the API takes one level more. */
const DEEPEST = 3

export function Builder({ group, onChange }: { group: Group; onChange: (group: Group) => void }) {
  const own = useLive(() => answer(api.GET('/v1/fields')), [])
  const tags = useLive(() => answer(api.GET('/v1/tags')), [])
  const known = { own: own.data?.items ?? [], tags: tags.data?.items ?? [] }
  return <Grouped group={group} onChange={onChange} known={known} depth={1} />
}

function Grouped({ group, onChange, known, depth, not, onRemove }: {
  group: Group
  onChange: (group: Group) => void
  known: Known
  depth: number
  not?: ComponentChildren
  onRemove?: () => void
}) {
  const put = (changed: Part) => onChange({ ...group, parts: group.parts.map((one) => (one.key === changed.key ? changed : one)) })
  const drop = (gone: Part) => onChange({ ...group, parts: group.parts.filter((one) => one.key !== gone.key) })
  const add = (what: Group | Question) => onChange({ ...group, parts: [...group.parts, part(what)] })
  const first = () => fresh(known.tags.length > 0 ? 'tag' : 'last_message_at', known.own)
  return (
    <div class={depth > 1 ? 'group-of' : 'stack tight'} role="group" aria-label={t.segments.modes[group.mode]}>
      <div class="row apart">
        <select class="input narrow" aria-label={t.segments.mode} value={group.mode} onInput={(event) => onChange({ ...group, mode: event.currentTarget.value as Group['mode'] })}>
          {Object.entries(t.segments.modes).map(([mode, shown]) => (
            <option key={mode} value={mode} selected={mode === group.mode}>
              {shown}
            </option>
          ))}
        </select>
        <span class="row">
          {not}
          {onRemove && <IconButton icon="close" label={t.segments.removeGroup} onClick={onRemove} />}
        </span>
      </div>
      {group.parts.map((one) =>
        isGroup(one.what) ? (
          <Grouped
            key={one.key}
            group={one.what}
            onChange={(what) => put({ ...one, what })}
            known={known}
            depth={depth + 1}
            not={<Not of={one} put={put} />}
            onRemove={() => drop(one)}
          />
        ) : (
          <Asked key={one.key} one={one} question={one.what} known={known} put={put} onRemove={() => drop(one)} />
        ),
      )}
      <div class="row">
        <Button icon="plus" onClick={() => add(first())}>
          {t.segments.addQuestion}
        </Button>
        {depth < DEEPEST && (
          <Button kind="quiet" icon="plus" onClick={() => add({ mode: group.mode === 'all' ? 'any' : 'all', parts: [part(first())] })}>
            {t.segments.addGroup}
          </Button>
        )}
      </div>
    </div>
  )
}

function Not({ of: one, put }: { of: Part; put: (part: Part) => void }) {
  return (
    <label class="row small">
      <input type="checkbox" checked={one.not} onInput={(event) => put({ ...one, not: event.currentTarget.checked })} />
      {t.segments.not}
    </label>
  )
}

function Asked({ one, question, known, put, onRemove }: { one: Part; question: Question; known: Known; put: (part: Part) => void; onRemove: () => void }) {
  const hows = offered(question.on, known.own)
  const kind = hows[question.is] ?? 'text'
  const ask = (what: Question) => put({ ...one, what })
  const how = (is: string) => {
    const next = hows[is] ?? 'text'
    ask({ ...question, is, value: next === kind ? question.value : unanswered(next) })
  }
  return (
    <div class="question">
      <select class="input" aria-label={t.segments.about} value={question.on} onInput={(event) => ask(fresh(event.currentTarget.value, known.own))}>
        {(Object.entries(t.segmentSubjects) as [string, string][]).filter(([on]) => on in OFFERED).map(([on, shown]) => (
          <option key={on} value={on} selected={on === question.on}>
            {shown}
          </option>
        ))}
        {known.own.map((field) => (
          <option key={field.key} value={`fields.${field.key}`} selected={`fields.${field.key}` === question.on}>
            {field.label}
          </option>
        ))}
      </select>
      {question.on === 'consent' ? (
        <span class="of">
          <Choice label={t.inbox.channel} value={question.channel ?? 'sms'} options={Object.entries(t.channelNames)} onChange={(channel) => ask({ ...question, channel })} />
          <Choice label={t.consent.purpose} value={question.purpose ?? 'all'} options={Object.entries(t.purposes)} onChange={(purpose) => ask({ ...question, purpose })} />
        </span>
      ) : (
        <Choice label={t.segments.how} value={question.is} options={Object.keys(hows).map((is) => [is, howName(question.on, is)] as const)} onChange={how} />
      )}
      <Value question={question} kind={kind} known={known} onChange={(value) => ask({ ...question, value })} />
      <span class="row apart">
        <Not of={one} put={put} />
        <IconButton icon="close" label={t.segments.removeQuestion} onClick={onRemove} />
      </span>
    </div>
  )
}

function howName(on: string, is: string): string {
  const dated = on.endsWith('_at') && is in t.segmentWhens ? t.segmentWhens[is as keyof typeof t.segmentWhens] : undefined
  return dated ?? t.segmentHows[is as keyof typeof t.segmentHows] ?? is
}

function Choice({ label, value, options, onChange }: { label: string; value: string; options: readonly (readonly [string, string])[]; onChange: (value: string) => void }) {
  return (
    <select class="input" aria-label={label} value={value} onInput={(event) => onChange(event.currentTarget.value)}>
      {!options.some(([key]) => key === value) && <option value={value}>{value}</option>}
      {options.map(([key, shown]) => (
        <option key={key} value={key} selected={key === value}>
          {shown}
        </option>
      ))}
    </select>
  )
}

function Value({ question: { on, value }, kind, known, onChange }: { question: Question; kind: Kind; known: Known; onChange: (value: unknown) => void }) {
  const label = t.segments.value
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  switch (kind) {
    case 'flag':
      return <Choice label={label} value={value === false ? 'no' : 'yes'} options={Object.entries(t.yesNo)} onChange={(given) => onChange(given === 'yes')} />
    case 'tag':
      return <Choice label={label} value={text} options={[['', t.segments.choose], ...known.tags.map((tag) => [tag.id, tag.name] as const)]} onChange={onChange} />
    case 'state':
      return <Choice label={label} value={text} options={Object.entries(t.consentStates)} onChange={onChange} />
    case 'intent':
      return <Choice label={label} value={text} options={Object.entries(t.intents)} onChange={onChange} />
    case 'choice':
      return <Choice label={label} value={text} options={[['', t.segments.choose], ...(fieldOf(on, known.own)?.choices ?? []).map((one) => [one, one] as const)]} onChange={onChange} />
    case 'choices': {
      const chosen = Array.isArray(value) ? (value as string[]) : []
      return (
        <span class="row">
          {fieldOf(on, known.own)?.choices.map((one) => (
            <label key={one} class="row small">
              <input type="checkbox" checked={chosen.includes(one)} onInput={(event) => onChange(event.currentTarget.checked ? [...chosen, one] : chosen.filter((other) => other !== one))} />
              <bdi>{one}</bdi>
            </label>
          ))}
        </span>
      )
    }
    case 'moment':
      // Midnight where the person sits who asks.
      return <input class="input" type="date" aria-label={label} value={text && dayOf(text)} onInput={(event) => onChange(momentOf(event.currentTarget.value))} />
    case 'date':
      return <input class="input" type="date" aria-label={label} value={text} onInput={(event) => onChange(event.currentTarget.value)} />
    case 'number':
    case 'days':
      return <input class="input" type="number" aria-label={label} value={text} min={kind === 'days' ? 1 : undefined} onInput={(event) => onChange(event.currentTarget.value === '' ? '' : Number(event.currentTarget.value))} />
    default:
      return <input class="input" type="text" aria-label={label} value={text} maxLength={500} onInput={(event) => onChange(event.currentTarget.value)} />
  }
}

function dayOf(moment: string): string {
  const at = new Date(moment)
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`
}

function momentOf(day: string): string {
  return day ? new Date(`${day}T00:00:00`).toISOString() : ''
}
