import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api } from '../api/client'
import { Button } from '../parts/button'
import { Field } from '../parts/field'
import { Notice, Trouble } from '../parts/notice'
import { zone } from '../parts/time'
import { language, t } from '../words'
import { useAttestation } from './attest'
import { Entrance } from './entrance'

export default function SignUp() {
  const [organization, setOrganization] = useState('')
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [sent, setSent] = useState(false)
  const { attestation, ticks } = useAttestation()
  const country = new Intl.Locale(navigator.language).maximize().region ?? 'US'
  const join = useAct(async () => {
    const body = { organization_name: organization, email, password, time_zone: zone(), country, language, ...attestation }
    await answer(api.POST('/v1/auth/signup', { body }))
    setSent(true)
  })
  if (sent) {
    return (
      <Entrance title={t.account.lookInMail}>
        <Notice icon="mail">{t.account.signUpSent(email)}</Notice>
        <p>
          <a href="/login">{t.account.logIn}</a>
        </p>
      </Entrance>
    )
  }
  return (
    <Entrance title={t.account.signUp} lead={t.account.signUpLead}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void join.run()
        }}
      >
        <Trouble problem={join.problem} />
        <Field label={t.account.organization} value={organization} onInput={setOrganization} autocomplete="organization" maxLength={200} required />
        <Field label={t.account.workEmail} type="email" value={email} onInput={setEmail} autocomplete="username" required />
        <Field label={t.account.password} hint={t.account.passwordHint} type="password" value={password} onInput={setPassword} autocomplete="new-password" minLength={10} required />
        {ticks}
        <Button kind="primary" type="submit" busy={join.busy}>
          {t.account.signUp}
        </Button>
      </form>
      <p class="soft">
        {t.account.haveOne} <a href="/login">{t.account.logIn}</a>
      </p>
    </Entrance>
  )
}
