// Delete the account (P6.1): everything rests at once, and for thirty days an owner can have it all back.
import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../../api/act'
import { answer, api, myself, type Schemas } from '../../api/client'
import { useLive } from '../../api/live'
import { Problem } from '../../api/problem'
import { Button } from '../../parts/button'
import { Dialog } from '../../parts/dialog'
import { Field } from '../../parts/field'
import { Notice, Trouble } from '../../parts/notice'
import { left, Time } from '../../parts/time'
import { say } from '../../parts/toast'
import { Loaded } from '../../parts/waiting'
import { t } from '../../words'

type Leaving = Schemas['AccountDeletion']

const DAY = 24 * 60 * 60 * 1000

export function Deletion() {
  const found = useLive(async (): Promise<Leaving | null> => {
    try {
      return await answer(api.GET('/v1/account/deletion'))
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.code === 'account_staying') return null
      throw thrown
    }
  }, [])
  return (
    <section class="card stack" aria-label={t.deletion.title}>
      <h2>{t.deletion.title}</h2>
      <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()} lines={2}>
        {(leaving) => (leaving ? <Going leaving={leaving} reload={found.reload} /> : <Staying reload={found.reload} />)}
      </Loaded>
    </section>
  )
}

function Staying({ reload }: { reload: () => Promise<void> }) {
  const [asked, setAsked] = useState(false)
  const [typed, setTyped] = useState('')
  const { name } = myself().organization
  const leave = useAct(async () => {
    await answer(api.POST('/v1/account/deletion'))
    setAsked(false)
    await reload()
  })
  return (
    <>
      <p class="soft">{t.deletion.lead}</p>
      <div>
        <Button kind="danger" onClick={() => setAsked(true)}>
          {t.deletion.begin}
        </Button>
      </div>
      {asked && (
        <Dialog title={t.deletion.sure} onClose={() => setAsked(false)}>
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault()
              void leave.run()
            }}
          >
            <ul class="stack tight">
              {t.deletion.what.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
            <Field label={t.channels.typeNumber(name)} value={typed} onInput={setTyped} autocomplete="off" required />
            <Trouble problem={leave.problem} />
            <div class="row">
              <Button kind="danger" type="submit" busy={leave.busy} disabled={typed.trim() !== name}>
                {t.deletion.begin}
              </Button>
              <Button onClick={() => setAsked(false)}>{t.common.cancel}</Button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  )
}

function Going({ leaving: { erases_at, requested_at, reversible, id }, reload }: { leaving: Leaving; reload: () => Promise<void> }) {
  const stay = useAct(async () => {
    await answer(api.DELETE('/v1/account/deletion'))
    await reload()
    say(t.deletion.stayed)
  })
  return (
    <Notice tone="warn">
      <div class="stack tight">
        <p>
          {t.deletion.asked} <Time at={requested_at} />. <strong>{t.deletion.countdown(useLeft(erases_at))}</strong> {t.inbox.until} <Time at={erases_at} />.
        </p>
        <p>{t.deletion.rests}</p>
        <p class="small">
          {t.deletion.certificate} <code>{id}</code>
        </p>
        <Trouble problem={stay.problem} />
        {reversible && (
          <div>
            <Button kind="primary" busy={stay.busy} onClick={() => void stay.run()}>
              {t.deletion.stay}
            </Button>
          </div>
        )}
      </div>
    </Notice>
  )
}

/** "29 days", and on the last one hours and minutes. */
function useLeft(until: string): string {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000)
    return () => clearInterval(timer)
  }, [])
  const rest = Date.parse(until) - now
  return rest >= DAY ? t.deletion.days(Math.floor(rest / DAY)) : left(rest)
}
