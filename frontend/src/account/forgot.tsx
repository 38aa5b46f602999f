import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api } from '../api/client'
import { Button } from '../parts/button'
import { Field } from '../parts/field'
import { Notice, Trouble } from '../parts/notice'
import { t } from '../words'
import { Entrance, useLinkToken } from './entrance'

export function Forgot() {
  const [email, setEmail] = useState('')
  const [sent, setSent] = useState(false)
  const ask = useAct(async () => {
    await answer(api.POST('/v1/auth/forgot', { body: { email } }))
    setSent(true)
  })
  return (
    <Entrance title={t.account.forgot} lead={sent ? undefined : t.account.forgotLead}>
      {sent ? (
        <Notice icon="mail">{t.account.forgotSent(email)}</Notice>
      ) : (
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault()
            void ask.run()
          }}
        >
          <Trouble problem={ask.problem} />
          <Field label={t.account.email} type="email" value={email} onInput={setEmail} autocomplete="username" required />
          <Button kind="primary" type="submit" busy={ask.busy}>
            {t.account.sendLink}
          </Button>
        </form>
      )}
      <p>
        <a href="/login">{t.account.logIn}</a>
      </p>
    </Entrance>
  )
}

export function Reset() {
  const token = useLinkToken()
  const [password, setPassword] = useState('')
  const [done, setDone] = useState(false)
  const reset = useAct(async () => {
    await answer(api.POST('/v1/auth/reset', { body: { token, password } }))
    setDone(true)
  })
  return (
    <Entrance title={t.account.newPassword} lead={done || !token ? undefined : t.account.resetLead}>
      {!token && <Notice tone="warn">{t.account.noToken}</Notice>}
      {done && <Notice tone="good">{t.account.resetDone}</Notice>}
      {token && !done && (
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault()
            void reset.run()
          }}
        >
          <Trouble problem={reset.problem} />
          <Field label={t.account.newPassword} hint={t.account.passwordHint} type="password" value={password} onInput={setPassword} autocomplete="new-password" minLength={10} required />
          <Button kind="primary" type="submit" busy={reset.busy}>
            {t.account.setPassword}
          </Button>
        </form>
      )}
      <p>
        <a href="/login">{t.account.logIn}</a>
      </p>
    </Entrance>
  )
}
