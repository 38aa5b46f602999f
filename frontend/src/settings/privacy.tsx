// Settings → Privacy & Account, where the policy says it is.
import { may } from '../api/client'
import { t } from '../words'
import { Deletion } from './privacy/deletion'
import { Erasures } from './privacy/erasures'
import { Exports } from './privacy/exports'
import { PolicyVersions } from './privacy/policy'
import { Retention } from './privacy/retention'
import { Subprocessors } from './privacy/subprocessors'
import { Transfers } from './privacy/transfers'

export default function PrivacySection() {
  return (
    <>
      {may('exports.manage') && <Exports />}
      {may('account.delete') && <Deletion />}
      {may('erasures.manage') && <Erasures />}
      {may('retention.read') && <Retention />}
      {may('disclosures.read') && <Transfers />}
      {may('record.read') && <Subprocessors />}
      {may('policy.read') && <PolicyVersions />}
      <section class="card stack">
        <h2>{t.privacy.now}</h2>
        <ul class="stack tight">
          {t.privacy.done.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </section>
    </>
  )
}
