import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api } from '../api/client'
import { Button } from '../parts/button'
import { Field } from '../parts/field'
import { Notice, Trouble } from '../parts/notice'
import { t } from '../words'
import { useAttestation } from './attest'
import { Entrance, useLinkToken } from './entrance'

export default function Invite() {
  const token = useLinkToken()
  const [password, setPassword] = useState('')
  const [done, setDone] = useState(false)
  const { attestation, ticks } = useAttestation()
  const accept = useAct(async () => {
    await answer(api.POST('/v1/auth/accept', { body: { token, password, ...attestation } }))
    setDone(true)
  })
  return (
    <Entrance title={t.account.invited} lead={done || !token ? undefined : t.account.invitedLead}>
      {!token && <Notice tone="warn">{t.account.noToken}</Notice>}
      {done && (
        <>
          <Notice tone="good">{t.account.invitedDone}</Notice>
          <p>
            <a href="/login">{t.account.logIn}</a>
          </p>
        </>
      )}
      {token && !done && (
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault()
            void accept.run()
          }}
        >
          <Trouble problem={accept.problem} />
          <Field label={t.account.password} hint={t.account.passwordHint} type="password" value={password} onInput={setPassword} autocomplete="new-password" minLength={10} required />
          {ticks}
          <Button kind="primary" type="submit" busy={accept.busy}>
            {t.account.accepted}
          </Button>
        </form>
      )}
    </Entrance>
  )
}
