import { t } from '../words'
import { Button } from './button'
import { say } from './toast'

/** A word that has to be taken elsewhere. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    say(t.common.copied)
  }
  return (
    <div class="row">
      <code>{text}</code>
      <Button onClick={() => void copy()} aria-label={`${t.common.copy}: ${label}`}>
        {t.common.copy}
      </Button>
    </div>
  )
}
