// People, conversations and messages that were erased for good, and how far each erasure is. Nothing says who it was.
import { answer, api } from '../../api/client'
import { useLive } from '../../api/live'
import { AnswerBy } from '../../parts/answer_by'
import { Badge } from '../../parts/notice'
import { Time } from '../../parts/time'
import { Loaded } from '../../parts/waiting'
import { t } from '../../words'
import { named } from './transfers'

export function Erasures() {
  const erasures = useLive(
    () => answer(api.GET('/v1/erasures', { params: { query: { limit: 20 } } })),
    [],
    ({ items }) => (items.some(({ state }) => state !== 'done') ? 5000 : 0),
  )
  return (
    <section class="card stack" aria-label={t.erasures.title}>
      <h2>{t.erasures.title}</h2>
      <p class="soft">{t.erasures.lead}</p>
      <Loaded data={erasures.data} problem={erasures.problem} reload={() => void erasures.reload()} lines={2}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="soft">{t.erasures.none}</p>
          ) : (
            <table class="table">
              <thead>
                <tr>
                  <th>{t.erasures.what}</th>
                  <th>{t.members.state}</th>
                  <th class="figure">{t.erasures.rows}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <tr key={one.id}>
                    <td>
                      {named(t.erasures.kinds, one.kind)}
                      <div class="small soft">
                        <Time at={one.requested_at} /> · <code>{one.subject_id.slice(0, 13)}…</code>
                      </div>
                      {one.answer_by && <AnswerBy by={one.answer_by} />}
                    </td>
                    <td>
                      <Badge tone={one.state === 'done' ? 'good' : 'plain'}>{named(t.erasures.states, one.state)}</Badge>
                    </td>
                    <td class="number figure" data-name={t.erasures.rows}>{Object.values(one.counts).reduce((sum, count) => sum + count, 0).toLocaleString()}</td>
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
