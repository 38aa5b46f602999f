// What a person may ask for about themselves (P7): a copy of everything, and to be erased for good.
import { useLocation } from 'preact-iso'
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { answerBy } from '../parts/answer_by'
import { Button } from '../parts/button'
import { Dialog } from '../parts/dialog'
import { Trouble } from '../parts/notice'
import { say } from '../parts/toast'
import { t } from '../words'

export function Rights({ contact }: { contact: string }) {
  const { route } = useLocation()
  const [asked, setAsked] = useState(false)
  const take = useAct(async () => {
    const { answer_by } = await answer(api.POST('/v1/exports', { params: { header: onceKey() }, body: { contact_id: contact } }))
    say(told(t.erasures.exportBegun, answer_by))
    route('/settings/privacy')
  })
  const erase = useAct(async () => {
    const { answer_by } = await answer(api.POST('/v1/erasures', { params: { header: onceKey() }, body: { kind: 'contact', id: contact } }))
    setAsked(false)
    say(told(t.erasures.begun, answer_by))
    route('/contacts')
  })
  const ask = () => {
    erase.clear()
    setAsked(true)
  }
  if (!may('exports.manage') && !may('erasures.manage')) return null
  return (
    <section class="card stack">
      <h2>{t.erasures.rights}</h2>
      <p class="small soft">{t.erasures.rightsLead}</p>
      <Trouble problem={take.problem} />
      <div class="row">
        {may('exports.manage') && (
          <Button busy={take.busy} onClick={() => void take.run()}>
            {t.erasures.export}
          </Button>
        )}
        {/* There is no way back, so it asks once, in words that say what goes and what stays. */}
        {may('erasures.manage') && (
          <Button kind="danger" onClick={ask}>
            {t.erasures.erase}
          </Button>
        )}
      </div>
      {asked && (
        <Dialog title={t.erasures.eraseWho} onClose={() => setAsked(false)}>
          <p>{t.erasures.eraseWhat}</p>
          <Trouble problem={erase.problem} />
          <div class="row">
            <Button kind="danger" busy={erase.busy} onClick={() => void erase.run()}>
              {t.erasures.forGood}
            </Button>
            <Button onClick={() => setAsked(false)}>{t.common.cancel}</Button>
          </div>
        </Dialog>
      )}
    </section>
  )
}

/** What was begun, and by when the person has to be answered. */
function told(begun: string, by: Schemas['AnswerBy'] | null): string {
  return by ? `${begun} ${answerBy(by)}` : begun
}
