// Pairs of records that may be one person's, side by side: which of the two stays is chosen, and can be taken back.
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { More } from '../parts/more'
import { Badge, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Empty, Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import { nameOf } from './name'
import { PeopleRooms } from './rooms'
import './contacts.css'

type Pair = Schemas['Pair']
type Contact = Schemas['Contact']

export default function AllDuplicates() {
  const pairs = usePages((cursor) => answer(api.GET('/v1/contacts/duplicates', { params: { query: cursor ? { cursor } : {} } })))
  const [gone, setGone] = useState<readonly string[]>([])
  const shown = pairs.items?.filter(({ newer, older }) => !gone.includes(newer.id) && !gone.includes(older.id))
  return (
    <Page title={t.people.duplicates} lead={t.duplicates.lead}>
      <PeopleRooms />
      <Loaded data={shown} problem={pairs.problem} reload={() => void pairs.reload()}>
        {(items) =>
          items.length === 0 && !pairs.hasMore ? (
            <Empty icon="contacts" title={t.duplicates.none}>
              <p class="soft">{t.duplicates.noneLead}</p>
            </Empty>
          ) : (
            <div class="stack">
              {items.map((pair) => (
                <Two
                  key={`${pair.newer.id}.${pair.older.id}`}
                  pair={pair}
                  onMerged={(loser) => setGone((before) => [...before, loser])}
                  onSplit={(loser) => setGone((before) => before.filter((one) => one !== loser))}
                />
              ))}
            </div>
          )
        }
      </Loaded>
      <More of={pairs} label={t.duplicates.further} />
    </Page>
  )
}

function Two({ pair: { newer, older, reason }, onMerged, onSplit }: { pair: Pair; onMerged: (loser: string) => void; onSplit: (loser: string) => void }) {
  const split = async ({ id, winner_id, loser_id }: Schemas['Merge']) => {
    await answer(api.POST('/v1/contacts/{contact_id}/merges/{merge_id}/split', { params: { path: { contact_id: winner_id, merge_id: id } } }))
    onSplit(loser_id)
  }
  const merge = useAct(async (winner: string, loser: string) => {
    const params = { path: { contact_id: winner, loser_id: loser }, header: onceKey() }
    const made = await answer(api.POST('/v1/contacts/{contact_id}/merges/{loser_id}', { params }))
    onMerged(loser)
    say(t.duplicates.merged, () => void split(made))
  })
  const sides: [Contact, Contact][] = [
    [older, newer],
    [newer, older],
  ]
  return (
    <section class="card stack">
      <p class="soft">
        {t.duplicates.because} <Badge>{t.duplicateReasons[reason]}</Badge>
      </p>
      <div class="pair">
        {sides.map(([one, other]) => (
          <div key={one.id} class="stack">
            <Record of={one} />
            {may('contacts.write') && (
              <div>
                <Button busy={merge.busy} onClick={() => void merge.run(one.id, other.id)} aria-label={`${t.duplicates.keep}: ${nameOf(one)}`}>
                  {t.duplicates.keep}
                </Button>
              </div>
            )}
          </div>
        ))}
      </div>
      <Trouble problem={merge.problem} />
    </section>
  )
}

function Record({ of: one }: { of: Contact }) {
  return (
    <dl class="facts">
      <dt>{t.contacts.name}</dt>
      <dd>
        <a href={`/contacts/${one.id}`}>
          <bdi>{nameOf(one)}</bdi>
        </a>
      </dd>
      <dt>{t.inbox.number}</dt>
      <dd class="number">{[one.phone, ...one.other_numbers].filter(Boolean).join(', ') || t.common.none}</dd>
      <dt>{t.account.email}</dt>
      <dd>
        <bdi>{one.email || t.common.none}</bdi>
      </dd>
      <dt>{t.contacts.tags}</dt>
      <dd>
        <bdi>{one.tags.map((tag) => tag.name).join(', ') || t.common.none}</bdi>
      </dd>
      <dt>{t.timeline.created}</dt>
      <dd>
        <Time at={one.created_at} form="short" />
      </dd>
    </dl>
  )
}
