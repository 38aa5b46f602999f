import { useAct } from '../api/act'
import { answer, api, may } from '../api/client'
import { useLive } from '../api/live'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { More } from '../parts/more'
import { Badge, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

/** What came in from the providers, and work that was given up. */
export default function DeliveriesSection() {
  const calls = usePages((cursor) => answer(api.GET('/v1/webhook-deliveries', { params: { query: cursor ? { cursor } : {} } })))
  return (
    <>
      <DeadJobs />
      <section class="card stack">
        <h2>{t.deliveries.calls}</h2>
        <Loaded data={calls.items} problem={calls.problem} reload={() => void calls.reload()}>
          {(items) =>
            items.length === 0 ? (
              <p class="soft">{t.deliveries.none}</p>
            ) : (
              <table class="table">
                <thead>
                  <tr>
                    <th>{t.log.when}</th>
                    <th>{t.deliveries.from}</th>
                    <th>{t.deliveries.outcome}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((one) => (
                    <tr key={one.id}>
                      <td>
                        <Time at={one.received_at} />
                      </td>
                      <td>
                        {one.provider} · {one.kind}
                      </td>
                      <td>
                        <Badge tone={one.http_status < 400 ? 'plain' : 'bad'}>{one.outcome.replaceAll('_', ' ')}</Badge> <span class="number soft">{one.http_status}</span>{' '}
                        {one.reason && <span class="soft">{one.reason.replaceAll('_', ' ')}</span>}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )
          }
        </Loaded>
        <More of={calls} />
      </section>
    </>
  )
}

function DeadJobs() {
  const dead = useLive(() => answer(api.GET('/v1/jobs/dead')), [])
  const replay = useAct(async (id: string) => {
    await answer(api.POST('/v1/jobs/{job_id}/replay', { params: { path: { job_id: id } } }))
    say(t.deliveries.replayed)
    await dead.reload()
  })
  if (!dead.data || dead.data.items.length === 0) return <Trouble problem={dead.problem} />
  return (
    <section class="card stack">
      <h2>{t.deliveries.dead}</h2>
      <p class="soft">{t.deliveries.deadLead}</p>
      <Trouble problem={replay.problem} />
      <table class="table">
        <tbody>
          {dead.data.items.map((one) => (
            <tr key={one.id}>
              <td>
                {one.queue.replaceAll('_', ' ')} · {one.kind.replaceAll('_', ' ')}
              </td>
              <td class="soft">{one.error?.replaceAll('_', ' ')}</td>
              <td>
                <Time at={one.created_at} />
              </td>
              <td class="acts">
                {may('jobs.replay') && (
                  <Button busy={replay.busy} onClick={() => void replay.run(one.id)}>
                    {t.common.again}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
