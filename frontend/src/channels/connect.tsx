import { useLocation } from 'preact-iso'
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, onceKey } from '../api/client'
import { Button, LinkButton } from '../parts/button'
import { Field } from '../parts/field'
import { Trouble } from '../parts/notice'
import { Page } from '../shell/page'
import { t } from '../words'
import './channels.css'

/** A number that the customer has at Twilio. Where its texts go is set right in the next step, with one press. */
export default function Connect() {
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
    <Page title={t.channels.connect} lead={t.channels.connectLead}>
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
        <div class="row">
          <Button kind="primary" type="submit" busy={connect.busy}>
            {t.channels.connect}
          </Button>
          <LinkButton href="/channels">{t.common.cancel}</LinkButton>
        </div>
      </form>
    </Page>
  )
}
