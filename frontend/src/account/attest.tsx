// What everybody attests and accepts who comes in: the same words at a sign-up and at an invitation.
import { useState } from 'preact/hooks'
import { Tick } from '../parts/field'
import { t } from '../words'

/** The documents that are shown and accepted: of the policy the newest version, which a test compares. */
const TERMS = '2026-04-17'
const POLICY = '2026-04-17'

export interface Attestation {
  business_use: boolean
  age_16: boolean
  terms_version: string
  policy_version: string
}

export function useAttestation() {
  const [business, setBusiness] = useState(false)
  const [age, setAge] = useState(false)
  const [accepted, setAccepted] = useState(false)
  const attestation: Attestation = { business_use: business, age_16: age, terms_version: TERMS, policy_version: POLICY }
  const ticks = (
    <div class="stack tight">
      <Tick label={t.account.business} checked={business} onInput={setBusiness} required />
      <Tick label={t.account.age} checked={age} onInput={setAge} required />
      <Tick label={t.account.accept(TERMS, POLICY)} checked={accepted} onInput={setAccepted} required />
      <p class="soft">
        <a href={`/policy/versions/${POLICY}`} target="_blank" rel="noopener">
          {t.account.readPolicy}
        </a>
      </p>
    </div>
  )
  return { attestation, ticks }
}
