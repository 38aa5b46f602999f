// One thing done about everybody in a list: in the background, with progress, and to be taken back for a day.
import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Button } from '../parts/button'
import { download } from '../parts/download'
import { Notice, Trouble } from '../parts/notice'
import { t } from '../words'

type Bulk = Schemas['BulkAction']
/** Whom it is about: what a search finds, what a condition is true of, or a segment. */
export type Chosen = Pick<Schemas['Chosen'], 'segment_id' | 'condition' | 'search'>

const SOON = 1000

export function ManyAtOnce({ chosen, tags }: { chosen: Chosen; tags: readonly Schemas['Tag'][] }) {
  const [begun, setBegun] = useState<string>()
  const [name, setName] = useState('')
  const [tag, setTag] = useState('')
  const act = useAct(async (what: Pick<Schemas['Bulk'], 'kind' | 'tag' | 'untag'>) => {
    const made = await answer(api.POST('/v1/contacts/bulk', { params: { header: onceKey() }, body: { ...chosen, ...what, fields: {} } as Schemas['Bulk'] }))
    setBegun(made.id)
    setName('')
  })
  const write = useAct(async () => {
    const made = await answer(api.POST('/v1/contacts/exports', { params: { header: onceKey() }, body: chosen as Schemas['Chosen'] }))
    setBegun(made.id)
  })
  const busy = act.busy || write.busy
  if (!may('contacts.bulk')) return null
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
        {may('contacts.export') && (
          <div>
            <Button icon="file" busy={busy} onClick={() => void write.run()}>
              {t.bulk.write}
            </Button>
          </div>
        )}
        <Trouble problem={act.problem ?? write.problem} />
        {begun && <Underway key={begun} id={begun} />}
      </div>
    </details>
  )
}

function Underway({ id }: { id: string }) {
  const path = { action_id: id }
  const found = useLive(() => answer(api.GET('/v1/contacts/bulk/{action_id}', { params: { path } })), [id])
  const one = found.data
  const runs = one?.state === 'running' || one?.state === 'undoing'
  useEffect(() => {
    if (!runs && !found.problem) return
    const timer = setTimeout(() => void found.reload(), SOON)
    return () => clearTimeout(timer)
  }, [found.data, found.problem])
  const cancel = useAct(async () => {
    await answer(api.POST('/v1/contacts/bulk/{action_id}/cancel', { params: { path } }))
    await found.reload()
  })
  const undo = useAct(async () => {
    await answer(api.POST('/v1/contacts/bulk/{action_id}/undo', { params: { path, header: onceKey() } }))
    await found.reload()
  })
  const take = useAct(async () => download(await answer(api.GET('/v1/contacts/bulk/{action_id}/file', { params: { path } }))))
  if (!one) return <Trouble problem={found.problem} />
  return (
    <Notice tone={one.state === 'failed' ? 'bad' : 'plain'}>
      <div class="stack tight">
        <p>{told(one)}</p>
        {runs && <progress class="wide" aria-label={t.bulkStates[one.state]} max={Math.max(one.progress.expected, 1)} value={Math.min(one.progress.done, one.progress.expected)} />}
        <Trouble problem={cancel.problem ?? undo.problem ?? take.problem} />
        <div class="row">
          {one.state === 'running' && (
            <Button busy={cancel.busy} onClick={() => void cancel.run()}>
              {t.imports.cancel}
            </Button>
          )}
          {one.kind === 'export' && one.state === 'done' && (
            <Button icon="file" busy={take.busy} onClick={() => void take.run()}>
              {t.inbox.download}
            </Button>
          )}
          {one.kind !== 'export' && (one.state === 'done' || one.state === 'cancelled') && one.counts.changed > 0 && (
            <Button busy={undo.busy} onClick={() => void undo.run()}>
              {t.common.undo}
            </Button>
          )}
        </div>
      </div>
    </Notice>
  )
}

function told({ state, counts, undone }: Bulk): string {
  if (state === 'undone') return t.bulk.undone(Object.values(undone ?? {}).reduce((sum, count) => sum + count, 0).toLocaleString())
  if (state === 'done' || state === 'cancelled') return t.bulk.done(counts.changed.toLocaleString(), counts.unchanged.toLocaleString())
  return t.bulkStates[state]
}
