import { useLocation } from 'preact-iso'
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, onceKey, type Schemas } from '../api/client'
import { Button, LinkButton } from '../parts/button'
import { Field, Select } from '../parts/field'
import { Trouble } from '../parts/notice'
import { Page } from '../shell/page'
import { t } from '../words'
import { shownOnce } from './verify_token'
import './channels.css'

type Kind = Schemas['Channel']['kind']

/** A number or a page that the customer has. Where its news goes is set right in the next step, with one press. */
export default function Connect() {
  const [kind, setKind] = useState<Kind>('sms')
  return (
    <Page title={t.channels.connect} lead={t.channels.connectLead}>
      <div class="form">
        <Select label={t.channels.what} hint={t.channels.needs[kind]} value={kind} options={Object.entries(t.channels.kinds) as [Kind, string][]} onInput={setKind} />
        {kind === 'sms' ? <Twilio /> : <Meta key={kind} kind={kind} />}
      </div>
    </Page>
  )
}

function Twilio() {
  const { route } = useLocation()
  const [sid, setSid] = useState('')
  const [token, setToken] = useState('')
  const [number, setNumber] = useState('')
  const [name, setName] = useState('')
  const connect = useAct(async () => {
    const body = { account_sid: sid.trim(), auth_token: token.trim(), number: number.replace(/[\s().-]/g, ''), name }
    const { channel } = await answer(api.POST('/v1/channels', { params: { header: onceKey() }, body }))
    route(`/channels/${channel.id}`)
  })
  const wrong = connect.problem
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        void connect.run()
      }}
    >
      <Trouble problem={wrong} />
      <Field label={t.channels.accountSid} hint={t.channels.accountSidHint} value={sid} onInput={setSid} placeholder="AC…" autocomplete="off" wrong={wrong?.of('account_sid')} required />
      <Field label={t.channels.authToken} hint={t.channels.authTokenHint} type="password" value={token} onInput={setToken} autocomplete="off" wrong={wrong?.of('auth_token')} required />
      <Field label={t.channels.number} hint={t.channels.numberHint} value={number} onInput={setNumber} placeholder="+15005550010" autocomplete="off" wrong={wrong?.of('number')} required />
      <Field label={t.channels.name} hint={t.channels.nameHint} value={name} onInput={setName} maxLength={100} autocomplete="off" />
      <Last busy={connect.busy} />
    </form>
  )
}

/** A WhatsApp number or a page with lead forms: both are used by an app of the customer's at Meta. */
function Meta({ kind }: { kind: 'whatsapp' | 'lead_ads' }) {
  const { route } = useLocation()
  const [appId, setAppId] = useState('')
  const [secret, setSecret] = useState('')
  const [token, setToken] = useState('')
  const [account, setAccount] = useState('')
  const [place, setPlace] = useState('')
  const [name, setName] = useState('')
  const connect = useAct(async () => {
    const app = { app_id: appId.trim(), app_secret: secret.trim(), access_token: token.trim(), name }
    const params = { header: onceKey() }
    const { channel, verify_token } = await answer(
      kind === 'whatsapp'
        ? api.POST('/v1/channels/whatsapp', { params, body: { ...app, waba_id: account.trim(), phone_number_id: place.trim() } })
        : api.POST('/v1/channels/lead-ads', { params, body: { ...app, page_id: place.trim() } }),
    )
    shownOnce.set(channel.id, verify_token)
    route(`/channels/${channel.id}`)
  })
  const wrong = connect.problem
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        void connect.run()
      }}
    >
      <Trouble problem={wrong} />
      <Field label={t.channels.appId} value={appId} onInput={setAppId} autocomplete="off" wrong={wrong?.of('app_id')} required />
      <Field label={t.channels.appSecret} hint={t.channels.appSecretHint} type="password" value={secret} onInput={setSecret} autocomplete="off" wrong={wrong?.of('app_secret')} required />
      <Field label={t.channels.accessToken} hint={t.channels.accessTokenHint} type="password" value={token} onInput={setToken} autocomplete="off" wrong={wrong?.of('access_token')} required />
      {kind === 'whatsapp' && <Field label={t.channels.wabaId} value={account} onInput={setAccount} autocomplete="off" wrong={wrong?.of('waba_id')} required />}
      <Field
        label={kind === 'whatsapp' ? t.channels.phoneNumberId : t.channels.pageId}
        value={place}
        onInput={setPlace}
        autocomplete="off"
        wrong={wrong?.of(kind === 'whatsapp' ? 'phone_number_id' : 'page_id')}
        required
      />
      <Field label={t.channels.name} hint={t.channels.nameHint} value={name} onInput={setName} maxLength={100} autocomplete="off" />
      <Last busy={connect.busy} />
    </form>
  )
}

function Last({ busy }: { busy: boolean }) {
  return (
    <div class="row">
      <Button kind="primary" type="submit" busy={busy}>
        {t.channels.connectIt}
      </Button>
      <LinkButton href="/channels">{t.common.cancel}</LinkButton>
    </div>
  )
}
