import { useState } from 'preact/hooks'
import { encode } from 'uqr'
import { useAct } from '../api/act'
import { answer, api, myself, type Schemas, whoAmI } from '../api/client'
import { Button } from '../parts/button'
import { Copyable } from '../parts/copy'
import { Field } from '../parts/field'
import { Badge, Notice, Trouble } from '../parts/notice'
import { t } from '../words'

export function SecondFactor() {
  const [setUp, setSetUp] = useState<Schemas['SetUp']>()
  const [codes, setCodes] = useState<string[]>()
  const { on, recovery_codes_left: left } = myself().second_factor
  const begin = useAct(async () => setSetUp(await answer(api.POST('/v1/me/second-factor'))))
  const renew = useAct(async () => {
    setCodes((await answer(api.POST('/v1/me/second-factor/recovery-codes'))).recovery_codes)
    await whoAmI()
  })
  const remove = useAct(async () => {
    await answer(api.DELETE('/v1/me/second-factor'))
    setCodes(undefined)
    await whoAmI()
  })
  return (
    <section class="card stack">
      <div class="row apart">
        <h2>{t.account.secondFactor}</h2>
        <Badge tone={on ? 'good' : 'plain'}>{on ? t.factor.on : t.factor.off}</Badge>
      </div>
      <p class="soft">{on ? t.factor.left(left) : t.factor.lead}</p>
      <Trouble problem={begin.problem ?? renew.problem ?? remove.problem} />
      {codes && <Codes codes={codes} />}
      {setUp && !on ? (
        <Prove
          setUp={setUp}
          onCodes={(shown) => {
            setCodes(shown)
            setSetUp(undefined)
          }}
        />
      ) : (
        <div class="row">
          {on ? (
            <>
              <Button busy={renew.busy} onClick={() => void renew.run()}>
                {t.factor.renew}
              </Button>
              <Button kind="danger" busy={remove.busy} onClick={() => void remove.run()}>
                {t.factor.remove}
              </Button>
            </>
          ) : (
            <Button busy={begin.busy} onClick={() => void begin.run()}>
              {t.factor.setUp}
            </Button>
          )}
        </div>
      )}
    </section>
  )
}

function Prove({ setUp, onCodes }: { setUp: Schemas['SetUp']; onCodes: (codes: string[]) => void }) {
  const [code, setCode] = useState('')
  const prove = useAct(async () => {
    const { recovery_codes } = await answer(api.POST('/v1/me/second-factor/proof', { body: { code } }))
    await whoAmI()
    onCodes(recovery_codes)
  })
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        void prove.run()
      }}
    >
      <p>{t.factor.scan}</p>
      <Qr text={setUp.address} />
      <Copyable text={setUp.secret} label={t.factor.secret} />
      <Trouble problem={prove.problem} />
      <Field label={t.account.code} hint={t.factor.first} value={code} onInput={setCode} autocomplete="one-time-code" required />
      <div>
        <Button kind="primary" type="submit" busy={prove.busy}>
          {t.factor.switchOn}
        </Button>
      </div>
    </form>
  )
}

function Qr({ text }: { text: string }) {
  const { data, size } = encode(text, { border: 0 })
  const path = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('')
  return (
    <svg class="qr" viewBox={`-1 -1 ${size + 2} ${size + 2}`} role="img" aria-label={t.factor.qr}>
      <path d={path} />
    </svg>
  )
}

function Codes({ codes }: { codes: string[] }) {
  return (
    <Notice tone="good">
      <div class="stack tight">
        <strong>{t.factor.codes}</strong>
        <ul class="codes">
          {codes.map((code) => (
            <li key={code}>
              <code>{code}</code>
            </li>
          ))}
        </ul>
      </div>
    </Notice>
  )
}
