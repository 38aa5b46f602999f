import { useRoute } from 'preact-iso'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Button, LinkButton } from '../parts/button'
import { Icon } from '../parts/icon'
import { Notice, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import { LeadState } from './leads'

type Whole = Schemas['WholeLead']

export default function LeadPage() {
  const id = useRoute().params.id ?? ''
  const params = { path: { lead_id: id } }
  const found = useLive(() => answer(api.GET('/v1/leads/{lead_id}', { params })), [id], 5000)
  const lead = found.data
  return (
    <Page
      title={lead?.form_name || t.leads.one}
      lead={lead && <LeadState lead={lead} />}
      acts={
        <>
          {lead?.contact_id && <LinkButton href={`/contacts/${lead.contact_id}`}>{t.leads.toContact}</LinkButton>}
          <LinkButton href="/leads">{t.leads.toAll}</LinkButton>
        </>
      }
    >
      <Loaded data={lead} problem={found.problem} reload={() => void found.reload()}>
        {(one) => (
          <>
            {one.trouble && <Missing lead={one} />}
            {one.first_message_trouble && (
              <Notice tone="warn">
                {t.leads.notWritten} {one.first_message_trouble.cause} {one.first_message_trouble.remedy}
              </Notice>
            )}
            {one.answers && <Answers lead={one} />}
            <Origin lead={one} />
          </>
        )}
      </Loaded>
    </Page>
  )
}

function Missing({ lead: { id, trouble, state } }: { lead: Whole }) {
  const retry = useAct(async () => {
    await answer(api.POST('/v1/leads/{lead_id}/retry', { params: { path: { lead_id: id }, header: onceKey() } }))
    say(t.leads.retried)
  })
  return (
    <Notice tone="warn">
      <p>
        {trouble?.cause} {trouble?.remedy}
      </p>
      {state === 'failed' && may('leads.manage') && (
        <Button busy={retry.busy} onClick={() => void retry.run()}>
          {t.common.again}
        </Button>
      )}
      <Trouble problem={retry.problem} />
    </Notice>
  )
}

function Answers({ lead: { answers, checkboxes } }: { lead: Whole }) {
  return (
    <section class="card stack">
      <h2>{t.leads.answers}</h2>
      <dl class="facts">
        {answers?.map((one) => (
          <>
            <dt>
              <bdi>{one.label ?? one.key}</bdi>
            </dt>
            <dd>
              <bdi>{one.values.join(', ')}</bdi>
            </dd>
          </>
        ))}
      </dl>
      {checkboxes.map((box) => (
        <p key={box.key} class="ticked">
          <Icon name={box.ticked ? 'check' : 'close'} />
          <span class="unseen">{box.ticked ? t.leads.ticked : t.leads.notTicked}</span>
          <bdi>{box.text}</bdi>
        </p>
      ))}
    </section>
  )
}

function Origin({ lead: one }: { lead: Whole }) {
  return (
    <section class="card stack">
      <h2>{t.leads.origin}</h2>
      <dl class="facts">
        <dt>{t.leads.left}</dt>
        <dd>
          <Time at={one.submitted_at} />
        </dd>
        <dt>{t.leads.received}</dt>
        <dd>
          <Time at={one.received_at} />
        </dd>
        {one.campaign_name && (
          <>
            <dt>{t.leads.campaign}</dt>
            <dd>
              <bdi>{one.campaign_name}</bdi>
            </dd>
          </>
        )}
        {one.ad_name && (
          <>
            <dt>{t.leads.ad}</dt>
            <dd>
              <bdi>{one.ad_name}</bdi>
            </dd>
          </>
        )}
        <dt>{t.leads.number}</dt>
        <dd class="mono">{one.lead_id}</dd>
      </dl>
    </section>
  )
}
