import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { Select } from '../parts/field'
import { More } from '../parts/more'
import { Badge, type Tone, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Empty, Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'

type Lead = Schemas['Lead']
type State = Lead['state']

const TONES: Partial<Record<State, Tone>> = { fetched: 'good', failed: 'bad', queued: 'plain' }

export function LeadState({ lead }: { lead: Lead }) {
  return (
    <span class="row">
      <Badge tone={TONES[lead.state] ?? 'warn'}>{t.leadStates[lead.state]}</Badge>
      {lead.test && <Badge>{t.leads.test}</Badge>}
      {lead.backfilled && <Badge>{t.leads.backfilled}</Badge>}
    </span>
  )
}

export default function Leads() {
  const [state, setState] = useState<State | ''>('')
  const leads = usePages(
    (cursor) => answer(api.GET('/v1/leads', { params: { query: { ...(cursor ? { cursor } : {}), ...(state ? { state } : {}) } } })),
    [state],
  )
  const replay = useAct(async () => {
    const { count } = await answer(api.POST('/v1/leads/replay', { params: { header: onceKey() }, body: {} }))
    say(t.leads.replayed(count))
    await leads.reload()
  })
  const acts = may('leads.manage') && leads.items?.some((one) => one.state === 'failed') && (
    <Button busy={replay.busy} onClick={() => void replay.run()}>
      {t.leads.replay}
    </Button>
  )
  const states = [['', t.leads.all], ...(Object.entries(t.leadStates) as [State, string][])] as const
  return (
    <Page title={t.shell.names['/leads']} lead={t.leads.lead} acts={acts}>
      <div class="form">
        <Select label={t.members.state} value={state} options={states} onInput={setState} />
      </div>
      <Trouble problem={replay.problem} />
      <Loaded data={leads.items} problem={leads.problem} reload={() => void leads.reload()}>
        {(items) =>
          items.length === 0 ? (
            <Empty icon="leads" title={state ? t.inbox.noneFit : t.leads.none}>
              {state ? <Button onClick={() => setState('')}>{t.inbox.clear}</Button> : <p class="soft">{t.leads.noneLead}</p>}
            </Empty>
          ) : (
            <table class="table">
              <thead>
                <tr>
                  <th>{t.leads.form}</th>
                  <th>{t.members.state}</th>
                  <th>{t.leads.from}</th>
                  <th>{t.leads.left}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <tr key={one.id}>
                    <td>
                      <a href={`/leads/${one.id}`}>
                        <bdi>{one.form_name || t.leads.unnamed}</bdi>
                      </a>
                      {one.trouble && (
                        <div class="small soft">
                          {one.trouble.cause} {one.trouble.remedy}
                        </div>
                      )}
                    </td>
                    <td>
                      <LeadState lead={one} />
                    </td>
                    <td class="soft">
                      <bdi>{one.campaign_name ?? one.ad_name ?? (one.organic ? t.leads.organic : '')}</bdi>
                    </td>
                    <td>
                      <Time at={one.submitted_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
      <More of={leads} />
    </Page>
  )
}
