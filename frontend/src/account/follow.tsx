// Pages that a link of a mail leads to and that need no more than a press of the button. A button, since programs
// that look into mails follow links too, and must not use them up.
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api } from '../api/client'
import { Button } from '../parts/button'
import { Notice, Trouble } from '../parts/notice'
import { t } from '../words'
import { Entrance, useLinkToken } from './entrance'

interface Step {
  title: string
  lead: string
  go: string
  done: string
}

function Follow({ step, act }: { step: Step; act: (token: string) => Promise<unknown> }) {
  const token = useLinkToken()
  const [done, setDone] = useState(false)
  const follow = useAct(async () => {
    await act(token)
    setDone(true)
  })
  return (
    <Entrance title={step.title} lead={done || !token ? undefined : step.lead}>
      {token ? <Trouble problem={follow.problem} /> : <Notice tone="warn">{t.account.noToken}</Notice>}
      {done && <Notice tone="good">{step.done}</Notice>}
      {token && !done && (
        <Button kind="primary" busy={follow.busy} onClick={() => void follow.run()}>
          {step.go}
        </Button>
      )}
      <p>
        <a href="/login">{t.account.logIn}</a>
      </p>
    </Entrance>
  )
}

export function Verify() {
  return <Follow step={t.account.verify} act={(token) => answer(api.POST('/v1/auth/verify', { body: { token } }))} />
}

export function ChangeEmail() {
  return <Follow step={t.account.changeEmail} act={(token) => answer(api.POST('/v1/auth/email', { body: { token } }))} />
}
