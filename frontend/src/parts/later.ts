// Undo in place of "are you sure": what cannot be taken back is done only when the offer to take it back is over.
import { asProblem } from '../api/problem'
import { say } from './toast'

const PAUSE = 6000
const waiting = new Set<() => void>()

/** Say that it is done, do it a little later, and not at all when it is taken back. `restore` shows it again. */
export function later(text: string, act: () => Promise<unknown>, restore: () => void): void {
  const go = () => {
    clearTimeout(timer)
    waiting.delete(go)
    act().catch((thrown: unknown) => {
      restore()
      say(asProblem(thrown).sentence)
    })
  }
  const timer = setTimeout(go, PAUSE)
  waiting.add(go)
  say(text, () => {
    clearTimeout(timer)
    waiting.delete(go)
    restore()
  })
}

// Whoever closes the page has not taken it back.
window.addEventListener('pagehide', () => {
  for (const go of [...waiting]) go()
})
