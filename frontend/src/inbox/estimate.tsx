// What a reply would be, by the API: its words with the gaps filled, its parts, what it is likely to cost.
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import type { Problem } from '../api/problem'
import { useSettled } from '../parts/settled'
import { language, t } from '../words'

const GAP = /\{\{[^{}]+\}\}/

type Shown = Schemas['MessagePreview']

export interface Estimated {
  shown: Shown | undefined
  problem: Problem | undefined
  /** Whether there are gaps, so that what goes differs from what was written. */
  filled: boolean
}

/** Asked once nobody has typed for a moment. */
export function useEstimate(conversation: string, text: string, files: number): Estimated {
  const settled = useSettled(text, 500)
  const wanted = settled.trim() !== '' || files > 0
  const path = { conversation_id: conversation }
  const found = useLive(
    async () => (wanted ? answer(api.POST('/v1/conversations/{conversation_id}/messages/preview', { params: { path }, body: { body: settled, files } })) : undefined),
    [conversation, settled, files],
  )
  const now = text.trim() !== '' || files > 0 ? found.data : undefined
  return { shown: now, problem: wanted ? found.problem : undefined, filled: GAP.test(settled) }
}

export function Filled({ of: { shown, problem, filled } }: { of: Estimated }) {
  if (problem) {
    return (
      <p class="why bad" role="alert">
        {problem.sentence}
      </p>
    )
  }
  if (!shown || !filled) return null
  return (
    <p class="small filled">
      <span class="soft">{t.inbox.willRead}</span> <bdi>{shown.body}</bdi>
      {shown.sms && <span class="soft number"> ({t.inbox.parts(shown.sms.parts, shown.sms.places)})</span>}
    </p>
  )
}

export function Price({ of: { shown } }: { of: Estimated }) {
  if (!shown?.price) return null
  const { micros, currency, source, as_of } = shown.price
  return (
    <span class="number" title={t.inbox.priceFrom(source, as_of)}>
      {micros === 0 ? t.inbox.free : t.inbox.price(money(micros, currency))}
    </span>
  )
}

function money(micros: number, currency: string): string {
  return new Intl.NumberFormat(language, { style: 'currency', currency, maximumFractionDigits: 4 }).format(micros / 1_000_000)
}
