// What happened with one person, newest first, with the way to where it happened.
import { answer, api, type Schemas } from '../api/client'
import { usePages } from '../api/pages'
import { sourceName } from '../consent/permissions'
import { intentName } from '../inbox/row'
import { Icon, type IconName } from '../parts/icon'
import { More } from '../parts/more'
import { Time } from '../parts/time'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

type Happening = Schemas['Happening']

const SIGNS: Record<Happening['kind'], IconName> = {
  message: 'inbox',
  score: 'spark',
  consent: 'shield',
  note: 'templates',
  merge: 'contacts',
  lead: 'leads',
  disclosure: 'shield',
  import: 'file',
  edited: 'contacts',
  created: 'plus',
}

/** `fresh` changes when something may have happened. */
export function Timeline({ contact, fresh }: { contact: string; fresh: string }) {
  const path = { contact_id: contact }
  const happened = usePages(
    (cursor) => answer(api.GET('/v1/contacts/{contact_id}/timeline', { params: { path, query: { limit: 25, ...(cursor ? { cursor } : {}) } } })),
    [contact, fresh],
  )
  return (
    <section class="card stack">
      <h2>{t.timeline.title}</h2>
      <Loaded data={happened.items} problem={happened.problem} reload={() => void happened.reload()} lines={4}>
        {(items) => (
          <ol class="timeline">
            {items.map((one) => (
              <li key={`${one.kind}.${one.id}`}>
                <Icon name={SIGNS[one.kind]} />
                <span>
                  <What of={one} />
                </span>
                <Time at={one.at} />
              </li>
            ))}
          </ol>
        )}
      </Loaded>
      <More of={happened} />
    </section>
  )
}

/** One word of what is told; what is told differs by kind, and none of it is taken for granted. */
function word(told: Happening['told'], key: string): string {
  const found = told[key]
  return typeof found === 'string' || typeof found === 'number' ? String(found) : ''
}

/** A subprocessor's own name, which is the same in every language. */
function recipientName(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1)
}

function What({ of: { kind, id, told } }: { of: Happening }) {
  switch (kind) {
    case 'message':
      return (
        <a href={`/inbox/${word(told, 'conversation_id')}`}>
          {word(told, 'direction') === 'outbound' ? t.inbox.we : t.inbox.they}: <bdi>{word(told, 'body') || t.timeline.file}</bdi>
        </a>
      )
    case 'score':
      return (
        <>
          {intentName(word(told, 'intent'))}
          {word(told, 'interest') && ` · ${t.inbox.interestOf(Number(word(told, 'interest')))}`}
        </>
      )
    case 'consent':
      return (
        <>
          {t.consentActions[word(told, 'action') as keyof typeof t.consentActions]} {t.channelNames[word(told, 'channel') as keyof typeof t.channelNames]} ·{' '}
          {t.purposes[word(told, 'purpose') as keyof typeof t.purposes]}, {sourceName(word(told, 'source'))}
        </>
      )
    case 'note':
      return <bdi>{word(told, 'body')}</bdi>
    case 'lead':
      return (
        <a href={`/leads/${id}`}>
          {t.leads.one} <bdi>{word(told, 'campaign')}</bdi>
        </a>
      )
    case 'disclosure':
      return (
        <>
          {t.timeline.disclosed} <bdi>{recipientName(word(told, 'recipient'))}</bdi>
        </>
      )
    case 'merge':
      return <>{told.split_at ? t.timeline.split : t.timeline.merged}</>
    case 'import':
      return (
        <>
          {told.undone ? t.timeline.importUndone : t.timeline.imported} <bdi>{word(told, 'file_name')}</bdi>
        </>
      )
    case 'edited':
      return (
        <>
          {t.timeline.edited}{' '}
          {word(told, 'fields')
            .split(' ')
            .map((one) => t.timeline.fields[one as keyof typeof t.timeline.fields])
            .filter(Boolean)
            .join(', ')}
        </>
      )
    case 'created':
      return word(told, 'import_id') ? (
        <>
          {t.timeline.importMade} <bdi>{word(told, 'file_name')}</bdi>
        </>
      ) : (
        <>{t.timeline.created}</>
      )
  }
}
