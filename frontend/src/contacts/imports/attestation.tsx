// What the customer declares about the people in a file. There is no way past it: that they gave none is said, too.
import { useId } from 'preact/hooks'
import { Field, Lines, Select, Tick } from '../../parts/field'
import { t } from '../../words'
import type { Attested } from './describe'

type Permission = Attested['permissions'][number]
type Method = NonNullable<Attested['method']>

const NONE: Attested = { permissions: [], wording: null, method: null, reference: null }
const WAYS = (['sms', 'whatsapp', 'email'] as const).flatMap((channel) => (['service', 'marketing'] as const).map((purpose) => ({ channel, purpose })))

/** Whether they say that permission was given, be it not yet which. */
function claimsSome({ permissions, method }: Attested): boolean {
  return permissions.length > 0 || method != null
}

/** Whether all has been said that an import needs: none, or which. */
export function complete(given: Attested | undefined): boolean {
  return given !== undefined && (!claimsSome(given) || given.permissions.length > 0)
}

export function Attestation({ given, onChange }: { given: Attested | undefined; onChange: (given: Attested) => void }) {
  const name = useId()
  const claims = given !== undefined && claimsSome(given)
  const has = (way: Permission) => given?.permissions.some((one) => one.channel === way.channel && one.purpose === way.purpose) ?? false
  const put = (change: Partial<Attested>) => onChange({ ...(given ?? NONE), ...change })
  const toggle = (way: Permission, on: boolean) => {
    const rest = (given?.permissions ?? []).filter((one) => one.channel !== way.channel || one.purpose !== way.purpose)
    put({ permissions: on ? [...rest, way] : rest })
  }
  return (
    <section class="card form">
      <h2>{t.attestation.title}</h2>
      <p class="soft">{t.attestation.lead}</p>
      <div class="stack tight" role="radiogroup" aria-label={t.attestation.title}>
        <label class="choice">
          <input type="radio" name={name} checked={given !== undefined && !claims} onInput={() => onChange({ ...NONE })} />
          <span>
            {t.attestation.none}
            <span class="hint">{t.attestation.noneWhat}</span>
          </span>
        </label>
        <label class="choice">
          <input type="radio" name={name} checked={claims} onInput={() => onChange({ ...NONE, method: 'web_form' })} />
          <span>
            {t.attestation.some}
            <span class="hint">{t.attestation.someWhat}</span>
          </span>
        </label>
      </div>
      {claims && given && (
        <>
          <fieldset class="scopes">
            <legend>{t.attestation.to}</legend>
            {WAYS.map((way) => (
              <Tick key={`${way.channel}.${way.purpose}`} label={`${t.channelNames[way.channel]} · ${t.purposes[way.purpose]}`} checked={has(way)} onInput={(on) => toggle(way, on)} />
            ))}
          </fieldset>
          <Select label={t.consent.method} value={given.method ?? 'web_form'} options={Object.entries(t.methods) as [Method, string][]} onInput={(method) => put({ method })} />
          <Lines label={t.consent.wording} hint={t.consent.wordingHint} value={given.wording ?? ''} onInput={(wording) => put({ wording: wording || null })} maxLength={8000} required />
          <Field label={t.consent.reference} hint={t.consent.referenceHint} value={given.reference ?? ''} onInput={(reference) => put({ reference: reference || null })} maxLength={500} required />
        </>
      )}
    </section>
  )
}
