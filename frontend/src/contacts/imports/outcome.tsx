// What a trial or a run came to, the list of rows to put right, and the way back.
import { useAct } from '../../api/act'
import { answer, api, may, onceKey } from '../../api/client'
import { Button } from '../../parts/button'
import { download } from '../../parts/download'
import { Notice, Trouble } from '../../parts/notice'
import { Time } from '../../parts/time'
import { t } from '../../words'
import type { Import } from './begin'

type Counts = Import['counts']

export function Outcome({ one, counts, trial = false, reload }: { one: Import; counts: Counts; trial?: boolean; reload: () => Promise<void> }) {
  const path = { import_id: one.id }
  const problems = useAct(async () => download(await answer(api.GET('/v1/imports/{import_id}/problems', { params: { path } }))))
  const undone = useAct(async () => download(await answer(api.GET('/v1/imports/{import_id}/undone', { params: { path } }))))
  const undo = useAct(async () => {
    await answer(api.POST('/v1/imports/{import_id}/undo', { params: { path, header: onceKey() } }))
    await reload()
  })
  const reasons = Object.entries(counts.reasons ?? {}).sort(([, one], [, other]) => other - one)
  const undoable = !trial && one.undo_until && Date.parse(one.undo_until) > Date.now() && ['done', 'cancelled'].includes(one.state)
  return (
    <section class="card stack">
      <h2>{trial ? t.imports.wouldBe : one.state === 'undone' ? t.imports.wasUndone : t.imports.cameTo}</h2>
      {one.state === 'undone' && one.undone && <Tally counts={one.undone} names={t.undoneCounts} />}
      {one.state !== 'undone' && <Tally counts={counts} names={one.kind === 'contacts' ? t.importCounts : t.listCounts} />}
      {reasons.length > 0 && (
        <table class="table">
          <thead>
            <tr>
              <th>{t.imports.why}</th>
              <th class="figure">{t.imports.rows}</th>
            </tr>
          </thead>
          <tbody>
            {reasons.map(([reason, count]) => (
              <tr key={reason}>
                <td>{reason in t.importReasons ? t.importReasons[reason as keyof typeof t.importReasons] : reason.replaceAll('_', ' ')}</td>
                <td class="number figure">{count.toLocaleString()}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Trouble problem={problems.problem ?? undone.problem ?? undo.problem} />
      <div class="row">
        {reasons.length > 0 && (
          <Button icon="file" busy={problems.busy} onClick={() => void problems.run()}>
            {t.imports.problemFile}
          </Button>
        )}
        {one.state === 'undone' && (
          <Button icon="file" busy={undone.busy} onClick={() => void undone.run()}>
            {t.imports.undoneFile}
          </Button>
        )}
        {undoable && may('imports.manage') && (
          <Button kind="danger" busy={undo.busy} onClick={() => void undo.run()}>
            {t.imports.undo}
          </Button>
        )}
      </div>
      {undoable && one.undo_until && (
        <Notice>
          {t.imports.undoUntil} <Time at={one.undo_until} />. {t.imports.undoWhat}
        </Notice>
      )}
    </section>
  )
}

function Tally({ counts, names }: { counts: Partial<Record<string, unknown>>; names: Readonly<Record<string, string>> }) {
  const shown = Object.entries(names).flatMap(([key, name]) => {
    const count = counts[key]
    return typeof count === 'number' && (count > 0 || ['created', 'rejected'].includes(key)) ? [[name, count] as const] : []
  })
  return (
    <dl class="tally">
      {shown.map(([name, count]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="number">{count.toLocaleString()}</dd>
        </div>
      ))}
    </dl>
  )
}
