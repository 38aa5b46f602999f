// What may be sent to one person, what that rests on, and writing down what they said elsewhere.
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { Dialog } from '../parts/dialog'
import { Field, Lines, Select } from '../parts/field'
import { Icon } from '../parts/icon'
import { More } from '../parts/more'
import { Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { Loaded } from '../parts/waiting'
import { t } from '../words'
import './consent.css'

type Consent = Schemas['Consent']
type Channel = Schemas['Yes']['channel']
type Purpose = Schemas['Yes']['purpose']
type Method = Schemas['Yes']['method']

const CHANNELS = () => Object.entries(t.channelNames) as [Channel, string][]
const METHODS = () => Object.entries(t.methods) as [Method, string][]

export function Permissions({ contact }: { contact: string }) {
  const path = { contact_id: contact }
  const found = useLive(() => answer(api.GET('/v1/consents/{contact_id}', { params: { path } })), [contact], 8000)
  const [asked, setAsked] = useState<'yes' | 'no'>()
  const done = () => {
    setAsked(undefined)
    void found.reload()
  }
  return (
    <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()} lines={4}>
      {(consent) => (
        <div class="stack">
          <Standings consent={consent} />
          {may('consents.write') && (
            <div class="row">
              <Button onClick={() => setAsked('no')}>{t.consent.saidNo}</Button>
              <Button onClick={() => setAsked('yes')}>{t.consent.saidYes}</Button>
            </div>
          )}
          {asked === 'no' && <SaidNo contact={contact} onDone={done} onClose={() => setAsked(undefined)} />}
          {asked === 'yes' && <SaidYes contact={contact} onDone={done} onClose={() => setAsked(undefined)} />}
          <Ledger contact={contact} fresh={JSON.stringify(consent)} />
        </div>
      )}
    </Loaded>
  )
}

function Standings({ consent: { permissions } }: { consent: Consent }) {
  return (
    <ul class="standings">
      {permissions.map((one) => (
        <li key={`${one.channel}.${one.purpose}`} class={one.permitted ? 'yes' : 'no'}>
          <Icon name={one.permitted ? 'check' : 'stop'} />
          <span>
            {t.channelNames[one.channel]} · {t.purposes[one.purpose]} <span class="unseen">{one.permitted ? t.consent.permitted : t.consent.refused}</span>
            <span class="small soft why-line">
              {one.rule in t.rules ? t.rules[one.rule as keyof typeof t.rules] : one.rule.replaceAll('_', ' ')}{' '}
              {one.since && <Time at={one.since} form="short" />}
            </span>
          </span>
        </li>
      ))}
    </ul>
  )
}

/** Every yes and no with its evidence, newest first. */
function Ledger({ contact, fresh }: { contact: string; fresh: string }) {
  const path = { contact_id: contact }
  const events = usePages(
    (cursor) => answer(api.GET('/v1/consents/{contact_id}/events', { params: { path, query: { limit: 20, ...(cursor ? { cursor } : {}) } } })),
    [contact, fresh],
  )
  if (events.items?.length === 0) return <p class="small soft">{t.consent.noEvents}</p>
  return (
    <details class="ledger">
      <summary>{t.consent.ledger}</summary>
      <Loaded data={events.items} problem={events.problem} lines={2}>
        {(items) => (
          <ol>
            {items.map((one) => (
              <li key={one.id}>
                <strong>{t.consentActions[one.action]}</strong> {t.channelNames[one.channel]} · {t.purposes[one.purpose]}, {sourceName(one.source)}
                {one.word && (
                  <>
                    {' '}
                    (<bdi>{one.word}</bdi>)
                  </>
                )}
                {one.method && `, ${t.methods[one.method]}`}
                {one.actor && (
                  <>
                    , <bdi>{one.actor}</bdi>
                  </>
                )}
                <div class="soft">
                  <Time at={one.occurred_at} />
                </div>
                {one.wording && (
                  <blockquote>
                    <bdi>{one.wording}</bdi>
                  </blockquote>
                )}
                {one.reference && (
                  <div class="soft">
                    {t.consent.reference}: <bdi>{one.reference}</bdi>
                  </div>
                )}
              </li>
            ))}
          </ol>
        )}
      </Loaded>
      <More of={events} />
    </details>
  )
}

export function sourceName(source: string | null): string {
  return source !== null && source in t.sources ? t.sources[source as keyof typeof t.sources] : (source ?? '').replaceAll('_', ' ')
}

interface Given {
  contact: string
  onDone: () => void
  onClose: () => void
}

function SaidNo({ contact, onDone, onClose }: Given) {
  const [channel, setChannel] = useState<Channel | ''>('')
  const [method, setMethod] = useState<Method>('spoken')
  const [reference, setReference] = useState('')
  const write = useAct(async () => {
    const body = { purpose: 'all' as const, method, ...(channel ? { channel } : {}), ...(reference.trim() ? { reference } : {}) }
    await answer(api.POST('/v1/consents/{contact_id}/revocations', { params: { path: { contact_id: contact }, header: onceKey() }, body }))
    onDone()
  })
  return (
    <Dialog title={t.consent.saidNo} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void write.run()
        }}
      >
        <p class="soft">{t.consent.noWhat}</p>
        <Trouble problem={write.problem} />
        <Select label={t.inbox.channel} value={channel} options={[['', t.consent.everywhere], ...CHANNELS()]} onInput={setChannel} />
        <Select label={t.consent.method} value={method} options={METHODS()} onInput={setMethod} />
        <Field label={t.consent.reference} hint={t.consent.referenceHint} value={reference} onInput={setReference} maxLength={500} />
        <div class="row">
          <Button kind="primary" type="submit" busy={write.busy}>
            {t.consent.writeDown}
          </Button>
          <Button onClick={onClose}>{t.common.cancel}</Button>
        </div>
      </form>
    </Dialog>
  )
}

function SaidYes({ contact, onDone, onClose }: Given) {
  const [channel, setChannel] = useState<Channel>('sms')
  const [purpose, setPurpose] = useState<Purpose>('marketing')
  const [method, setMethod] = useState<Method>('web_form')
  const [on, setOn] = useState(() => new Date().toISOString().slice(0, 10))
  const [wording, setWording] = useState('')
  const [reference, setReference] = useState('')
  const write = useAct(async () => {
    // The day that was given, but never later than now.
    const obtained = new Date(Math.min(new Date(`${on}T12:00:00`).getTime(), Date.now())).toISOString()
    const body = { channel, purpose, method, wording, obtained_at: obtained, ...(reference.trim() ? { reference } : {}) }
    await answer(api.POST('/v1/consents/{contact_id}/grants', { params: { path: { contact_id: contact }, header: onceKey() }, body }))
    onDone()
  })
  const purposes = (['service', 'marketing'] as const).map((one) => [one, t.purposes[one]] as const)
  return (
    <Dialog title={t.consent.saidYes} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void write.run()
        }}
      >
        <p class="soft">{t.consent.yesWhat}</p>
        <Trouble problem={write.problem} />
        <Select label={t.inbox.channel} value={channel} options={CHANNELS()} onInput={setChannel} />
        <Select label={t.consent.purpose} value={purpose} options={purposes} onInput={setPurpose} />
        <Select label={t.consent.method} value={method} options={METHODS()} onInput={setMethod} />
        <Field label={t.consent.on} type="date" value={on} onInput={setOn} required />
        <Lines label={t.consent.wording} hint={t.consent.wordingHint} value={wording} onInput={setWording} maxLength={8000} required />
        <Field label={t.consent.reference} hint={t.consent.referenceHint} value={reference} onInput={setReference} maxLength={500} />
        <div class="row">
          <Button kind="primary" type="submit" busy={write.busy}>
            {t.consent.writeDown}
          </Button>
          <Button onClick={onClose}>{t.common.cancel}</Button>
        </div>
      </form>
    </Dialog>
  )
}
