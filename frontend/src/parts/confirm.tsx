// Who changes who may come in, or spends money, shows first that it is still they (A13). The API says when.
import { signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { answer, api, myself } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import { t } from '../words'
import { Button } from './button'
import { Dialog } from './dialog'
import { Field } from './field'
import { Trouble } from './notice'

const asked = signal<((shown: boolean) => void) | null>(null)

/** Ask; true once the proof was taken, false when they would rather not. */
export function confirmation(): Promise<boolean> {
  return new Promise((resolve) => {
    asked.value = (shown) => {
      asked.value = null
      resolve(shown)
    }
  })
}

export function Confirmation() {
  return asked.value ? <Ask settle={asked.value} /> : null
}

function Ask({ settle }: { settle: (shown: boolean) => void }) {
  const byCode = myself().second_factor.on
  const [proof, setProof] = useState('')
  const [problem, setProblem] = useState<Problem>()
  const [busy, setBusy] = useState(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    try {
      await answer(api.POST('/v1/auth/confirm', { body: byCode ? { code: proof } : { password: proof } }))
      settle(true)
    } catch (thrown) {
      setProblem(asProblem(thrown))
      setBusy(false)
    }
  }
  return (
    <Dialog title={t.confirm.title} onClose={() => settle(false)}>
      <form class="stack" onSubmit={submit}>
        <p class="soft">{t.confirm.why}</p>
        <Trouble problem={problem} />
        {byCode ? (
          <Field label={t.account.code} hint={t.account.codeHint} value={proof} onInput={setProof} autocomplete="one-time-code" required />
        ) : (
          <Field label={t.account.password} type="password" value={proof} onInput={setProof} autocomplete="current-password" required />
        )}
        <div class="row">
          <Button kind="primary" type="submit" busy={busy}>
            {t.confirm.go}
          </Button>
          <Button onClick={() => settle(false)}>{t.common.cancel}</Button>
        </div>
      </form>
    </Dialog>
  )
}
