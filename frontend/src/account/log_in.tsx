import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { whoAmI } from '../api/client'
import { Problem } from '../api/problem'
import { logIn } from '../api/session'
import { Button } from '../parts/button'
import { Field } from '../parts/field'
import { Trouble } from '../parts/notice'
import { t } from '../words'
import { Entrance } from './entrance'

export default function LogIn() {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState<string | null>(null)
  const enter = useAct(async () => {
    try {
      await logIn(email, password, code)
    } catch (thrown) {
      if (!(thrown instanceof Problem) || thrown.code !== 'second_factor_required') throw thrown
      setCode('')
      return
    }
    await whoAmI()
  })
  const submit = (event: Event) => {
    event.preventDefault()
    void enter.run()
  }
  if (code !== null) {
    return (
      <Entrance title={t.account.secondFactor} lead={t.account.secondFactorLead}>
        <form class="stack" onSubmit={submit}>
          <Trouble problem={enter.problem} />
          <Field label={t.account.code} hint={t.account.codeHint} value={code} onInput={setCode} autocomplete="one-time-code" required />
          <Button kind="primary" type="submit" busy={enter.busy}>
            {t.account.logIn}
          </Button>
          <Button kind="quiet" onClick={() => setCode(null)}>
            {t.common.back}
          </Button>
        </form>
      </Entrance>
    )
  }
  return (
    <Entrance title={t.account.logIn}>
      <form class="stack" onSubmit={submit}>
        <Trouble problem={enter.problem} />
        <Field label={t.account.email} type="email" value={email} onInput={setEmail} autocomplete="username" required />
        <Field label={t.account.password} type="password" value={password} onInput={setPassword} autocomplete="current-password" required />
        <Button kind="primary" type="submit" busy={enter.busy}>
          {t.account.logIn}
        </Button>
      </form>
      <p class="row apart">
        <a href="/forgot">{t.account.forgot}</a>
        <a href="/signup">{t.account.signUp}</a>
      </p>
    </Entrance>
  )
}
