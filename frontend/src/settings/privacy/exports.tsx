// Everything that is kept, as files to take away.
import { useAct } from '../../api/act'
import { answer, type Answer, api, myself, onceKey } from '../../api/client'
import { useLive } from '../../api/live'
import { AnswerBy } from '../../parts/answer_by'
import { Button } from '../../parts/button'
import { download as take } from '../../parts/download'
import { Badge, type Tone, Trouble } from '../../parts/notice'
import { Time } from '../../parts/time'
import { Loaded } from '../../parts/waiting'
import { t } from '../../words'

type Export = Answer<'/v1/exports/{export_id}', 'get'>

const TONES: Partial<Record<Export['state'], Tone>> = { ready: 'good', failed: 'bad' }

function underway({ state }: Export): boolean {
  return state === 'waiting' || state === 'building'
}

export function Exports() {
  const exports = useLive(() => answer(api.GET('/v1/exports')), [], ({ items }) => (items.some(underway) ? 4000 : 0))
  const begin = useAct(async () => {
    await answer(api.POST('/v1/exports', { params: { header: onceKey() }, body: {} }))
    await exports.reload()
  })
  const download = useAct(async (id: string, part: number) => {
    take(await answer(api.GET('/v1/exports/{export_id}/download', { params: { path: { export_id: id }, query: { part } } })))
  })
  const remove = useAct(async (id: string) => {
    await answer(api.DELETE('/v1/exports/{export_id}', { params: { path: { export_id: id } } }))
    await exports.reload()
  })
  return (
    <section class="card stack" aria-label={t.exports.title}>
      <h2>{t.exports.title}</h2>
      <p class="soft">{t.exports.lead}</p>
      <Trouble problem={begin.problem ?? download.problem ?? remove.problem} />
      <div>
        <Button kind="primary" busy={begin.busy} onClick={() => void begin.run()}>
          {t.exports.begin}
        </Button>
      </div>
      <Loaded data={exports.data} problem={exports.problem} reload={() => void exports.reload()} lines={2}>
        {({ items }) =>
          items.length > 0 && (
            <table class="table">
              <thead>
                <tr>
                  <th>{t.exports.what}</th>
                  <th>{t.members.state}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <tr key={one.id}>
                    <td>
                      {one.contact_id ? t.exports.one : t.exports.everything}
                      <div class="small soft">
                        <Time at={one.requested_at} />
                      </div>
                      {one.answer_by && <AnswerBy by={one.answer_by} />}
                    </td>
                    <td>
                      <Badge tone={TONES[one.state] ?? 'plain'}>{t.exportStates[one.state]}</Badge>
                      <HowFar of={one} />
                    </td>
                    <td class="acts">
                      {one.state === 'ready' && one.requested_by === myself().id && <Parts of={one} busy={download.busy} onDownload={(part) => void download.run(one.id, part)} />}
                      {['waiting', 'building', 'ready'].includes(one.state) && (
                        <Button kind="quiet" busy={remove.busy} onClick={() => void remove.run(one.id)}>
                          {one.state === 'ready' ? t.common.remove : t.common.cancel}
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </section>
  )
}

function HowFar({ of: { state, rows_done, rows_total, expires_at } }: { of: Export }) {
  if (state === 'building' && rows_total) return <progress max={rows_total} value={Math.min(rows_done, rows_total)} aria-label={t.exportStates.building} />
  if (state !== 'ready' || !expires_at) return null
  return (
    <div class="small soft">
      {t.inbox.until} <Time at={expires_at} />
    </div>
  )
}

function Parts({ of: { parts }, busy, onDownload }: { of: Export; busy: boolean; onDownload: (part: number) => void }) {
  return (
    <>
      {parts.map(({ number }) => (
        <Button key={number} busy={busy} onClick={() => onDownload(number)}>
          {parts.length > 1 ? t.exports.part(number) : t.inbox.download}
        </Button>
      ))}
    </>
  )
}
