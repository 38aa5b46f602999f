// One thing done about everybody in a list: in the background, with progress, and to be taken back for a day; or for good.
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Button } from '../parts/button'
import { Dialog } from '../parts/dialog'
import { download } from '../parts/download'
import { Field } from '../parts/field'
import { Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { t } from '../words'

type Bulk = Schemas['BulkAction']
/** Whom it is about: what a search finds, what a condition is true of, or a segment. */
export type Chosen = Pick<Schemas['Chosen'], 'segment_id' | 'condition' | 'search'>

interface Given {
  /** Undefined where there is nobody to do it about. */
  chosen: Chosen | undefined
  tags: readonly Schemas['Tag'][]
}

const SOON = 1000
const DAY = 24 * 60 * 60 * 1000

export function ManyAtOnce(given: Given) {
  return may('contacts.bulk') ? <Allowed {...given} /> : null
}

function Allowed({ chosen, tags }: Given) {
  const found = useLive(
    () => answer(api.GET('/v1/contacts/bulk', { params: { query: { limit: 10 } } })),
    [],
    ({ items }) => (items.some(underway) ? SOON : 0),
  )
  const recent = found.data?.items.filter((one) => underway(one) || Date.parse(one.created_at) + DAY > Date.now()) ?? []
  return (
    <>
      {chosen && <Begin chosen={chosen} tags={tags} onBegun={found.reload} />}
      <Trouble problem={found.problem} />
      {recent.length > 0 && (
        <section class="card stack" aria-label={t.bulk.recent}>
          <h2>{t.bulk.recent}</h2>
          <ul class="recent">
            {recent.map((one) => (
              <Recent key={one.id} action={one} reload={found.reload} />
            ))}
          </ul>
        </section>
      )}
    </>
  )
}

function underway({ state }: Bulk): boolean {
  return state === 'running' || state === 'undoing'
}

function Begin({ chosen, tags, onBegun }: { chosen: Chosen; tags: Given['tags']; onBegun: () => Promise<void> }) {
  const [name, setName] = useState('')
  const [tag, setTag] = useState('')
  const [erasing, setErasing] = useState(false)
  const act = useAct(async (what: Pick<Schemas['Bulk'], 'kind' | 'tag' | 'untag'>) => {
    await answer(api.POST('/v1/contacts/bulk', { params: { header: onceKey() }, body: { ...chosen, ...what, fields: {} } as Schemas['Bulk'] }))
    setName('')
    await onBegun()
  })
  const write = useAct(async () => {
    await answer(api.POST('/v1/contacts/exports', { params: { header: onceKey() }, body: chosen as Schemas['Chosen'] }))
    await onBegun()
  })
  const busy = act.busy || write.busy
  return (
    <details class="card">
      <summary>{t.bulk.title}</summary>
      <div class="stack many">
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault()
            void act.run({ kind: 'tag', tag: [name.trim()], untag: [] })
          }}
        >
          <input class="input narrow" aria-label={t.bulk.tag} placeholder={t.bulk.tag} value={name} maxLength={64} onInput={(event) => setName(event.currentTarget.value)} />
          <Button type="submit" busy={busy} disabled={!name.trim()}>
            {t.bulk.tagThem}
          </Button>
        </form>
        {tags.length > 0 && (
          <form
            class="row"
            onSubmit={(event) => {
              event.preventDefault()
              void act.run({ kind: 'untag', tag: [], untag: [tag] })
            }}
          >
            <select class="input narrow" aria-label={t.bulk.untag} value={tag} onInput={(event) => setTag(event.currentTarget.value)}>
              <option value="">{t.bulk.untag}</option>
              {tags.map((one) => (
                <option key={one.id} value={one.id} selected={one.id === tag}>
                  {one.name}
                </option>
              ))}
            </select>
            <Button type="submit" busy={busy} disabled={!tag}>
              {t.bulk.untagThem}
            </Button>
          </form>
        )}
        <div class="row">
          {may('contacts.export') && (
            <Button icon="file" busy={busy} onClick={() => void write.run()}>
              {t.bulk.write}
            </Button>
          )}
          {may('erasures.manage') && (
            <Button kind="danger" busy={busy} onClick={() => setErasing(true)}>
              {t.bulk.erase}
            </Button>
          )}
        </div>
        {erasing && <Erase chosen={chosen} onBegun={onBegun} onClose={() => setErasing(false)} />}
        <Trouble problem={act.problem ?? write.problem} />
      </div>
    </details>
  )
}

/** There is no way back, so whoever asks for it reads how many people they are, and types it. */
function Erase({ chosen, onBegun, onClose }: { chosen: Chosen; onBegun: () => Promise<void>; onClose: () => void }) {
  const counted = useLive(() => answer(api.POST('/v1/contacts/count', { body: chosen as Schemas['Chosen'] })), [])
  const [typed, setTyped] = useState('')
  const people = counted.data?.contacts
  const erase = useAct(async () => {
    await answer(api.POST('/v1/contacts/erasures', { params: { header: onceKey() }, body: { ...chosen, people } as Schemas['Erasing'] }))
    onClose()
    await onBegun()
  })
  return (
    <Dialog title={t.bulk.eraseWho} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void erase.run()
        }}
      >
        <p>{t.bulk.eraseWhat}</p>
        <p role="status">
          <strong>{people === undefined ? t.bulk.counting : people ? t.bulk.people(people.toLocaleString()) : t.bulk.nobody}</strong>
        </p>
        <Trouble problem={counted.problem ?? erase.problem} />
        <Field label={t.bulk.typeCount} value={typed} onInput={setTyped} autocomplete="off" required />
        <div class="row">
          <Button kind="danger" type="submit" busy={erase.busy} disabled={!people || typed.replace(/\D/g, '') !== String(people)}>
            {t.erasures.forGood}
          </Button>
          <Button onClick={onClose}>{t.common.cancel}</Button>
        </div>
      </form>
    </Dialog>
  )
}

function Recent({ action: one, reload }: { action: Bulk; reload: () => Promise<void> }) {
  const path = { action_id: one.id }
  const cancel = useAct(async () => {
    await answer(api.POST('/v1/contacts/bulk/{action_id}/cancel', { params: { path } }))
    await reload()
  })
  const undo = useAct(async () => {
    await answer(api.POST('/v1/contacts/bulk/{action_id}/undo', { params: { path, header: onceKey() } }))
    await reload()
  })
  const take = useAct(async () => download(await answer(api.GET('/v1/contacts/bulk/{action_id}/file', { params: { path } }))))
  const over = one.state === 'done' || one.state === 'cancelled' || one.state === 'failed'
  const undoable = over && one.counts.changed > 0 && one.undo_until !== null && Date.parse(one.undo_until) > Date.now()
  return (
    <li class="stack tight">
      <div class="row apart">
        <span>
          {t.bulkKinds[one.kind]}: <span role="status">{told(one)}</span>
          <span class="small soft">
            {' '}
            <Time at={one.created_at} />
          </span>
        </span>
        <span class="row">
          {one.state === 'running' && (
            <Button kind="quiet" busy={cancel.busy} onClick={() => void cancel.run()}>
              {t.imports.cancel}
            </Button>
          )}
          {one.kind === 'export' && one.state === 'done' && (
            <Button kind="quiet" icon="file" busy={take.busy} onClick={() => void take.run()}>
              {t.inbox.download}
            </Button>
          )}
          {undoable && (
            <Button kind="quiet" busy={undo.busy} onClick={() => void undo.run()}>
              {t.common.undo}
            </Button>
          )}
        </span>
      </div>
      {underway(one) && <progress class="wide" aria-label={t.bulkStates[one.state]} max={Math.max(one.progress.expected, 1)} value={Math.min(one.progress.done, one.progress.expected)} />}
      <Trouble problem={cancel.problem ?? undo.problem ?? take.problem} />
    </li>
  )
}

function told({ kind, state, reason, counts, undone }: Bulk): string {
  if (reason === 'more_than_confirmed') return t.bulk.moreThanConfirmed
  if (kind === 'erase' && (state === 'done' || state === 'cancelled'))
    return t.bulk.erased(counts.changed.toLocaleString(), (counts.unchanged + counts.restricted + counts.missing).toLocaleString())
  if (state === 'undone') return t.bulk.undone(Object.values(undone ?? {}).reduce((sum, count) => sum + count, 0).toLocaleString())
  if (state === 'done' || state === 'cancelled') return t.bulk.done(counts.changed.toLocaleString(), counts.unchanged.toLocaleString())
  return t.bulkStates[state]
}
