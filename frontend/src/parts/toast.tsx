import { signal } from '@preact/signals'
import { t } from '../words'
import { Button } from './button'

interface Said {
  id: number
  text: string
  undo: (() => void) | undefined
}

const said = signal<Said[]>([])
let count = 0
const LONG = 7000

/** Say that something was done, and offer to take it back. */
export function say(text: string, undo?: () => void): void {
  const id = ++count
  said.value = [...said.value, { id, text, undo }]
  setTimeout(() => silence(id), LONG)
}

function silence(id: number): void {
  said.value = said.value.filter((one) => one.id !== id)
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {said.value.map(({ id, text, undo }) => (
        <div key={id} class="toast">
          <span>{text}</span>
          {undo && (
            <Button
              onClick={() => {
                undo()
                silence(id)
              }}
            >
              {t.common.undo}
            </Button>
          )}
        </div>
      ))}
    </div>
  )
}
