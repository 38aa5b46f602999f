// Older records that may be the same person's: made one, and taken apart again by one press.
import { useLocation } from 'preact-iso'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Button } from '../parts/button'
import { Trouble } from '../parts/notice'
import { say } from '../parts/toast'
import { t } from '../words'
import { nameOf } from './name'

export function Duplicates({ contact, onMerge }: { contact: string; onMerge: () => Promise<void> }) {
  const { route } = useLocation()
  const path = { contact_id: contact }
  const found = useLive(() => answer(api.GET('/v1/contacts/{contact_id}/duplicates', { params: { path } })), [contact])
  const split = async (merge: Schemas['Merge']) => {
    const params = { path: { contact_id: merge.winner_id, merge_id: merge.id } }
    await answer(api.POST('/v1/contacts/{contact_id}/merges/{merge_id}/split', { params }))
    await found.reload()
    route(`/contacts/${merge.loser_id}`)
  }
  const merge = useAct(async (loser: string) => {
    const params = { path: { contact_id: contact, loser_id: loser }, header: onceKey() }
    const made = await answer(api.POST('/v1/contacts/{contact_id}/merges/{loser_id}', { params }))
    await Promise.all([found.reload(), onMerge()])
    say(t.duplicates.merged, () => void split(made))
  })
  if (!found.data?.items.length) return null
  return (
    <section class="card stack">
      <h2>{t.duplicates.title}</h2>
      <p class="small soft">{t.duplicates.lead}</p>
      <Trouble problem={merge.problem} />
      {found.data.items.map(({ older, reason }) => (
        <div key={older.id} class="row apart">
          <span>
            <a href={`/contacts/${older.id}`}>
              <bdi>{nameOf(older)}</bdi>
            </a>
            <span class="small soft"> {t.duplicateReasons[reason]}</span>
          </span>
          {may('contacts.write') && (
            <Button busy={merge.busy} onClick={() => void merge.run(older.id)}>
              {t.duplicates.merge}
            </Button>
          )}
        </div>
      ))}
    </section>
  )
}
