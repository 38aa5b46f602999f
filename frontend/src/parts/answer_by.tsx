// By which day the law wants a person answered who asked for a copy, or to be erased.
import type { Schemas } from '../api/client'
import { t } from '../words'
import { dayInUtc } from './time'

export function AnswerBy({ by }: { by: Schemas['AnswerBy'] }) {
  return <div class="small soft">{answerBy(by)}</div>
}

export function answerBy({ as_a_rule, put_off }: Schemas['AnswerBy']): string {
  return t.erasures.answerBy(dayInUtc(as_a_rule), dayInUtc(put_off))
}
