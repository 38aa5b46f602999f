import { Notice } from '../parts/notice'
import { t } from '../words'

/** Only what the API can do today; what it cannot yet has no button. */
export default function PrivacySection() {
  return (
    <>
      <section class="card stack">
        <h2>{t.privacy.now}</h2>
        <ul class="stack tight">
          {t.privacy.done.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </section>
      <Notice>
        <p>
          <strong>{t.privacy.later}</strong>
        </p>
        <p>{t.privacy.laterWhat}</p>
      </Notice>
    </>
  )
}
