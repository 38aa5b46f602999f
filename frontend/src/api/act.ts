// Something that a person sets off: while it runs it cannot be set off again, and what came of it can be shown.
import { useCallback, useRef, useState } from 'preact/hooks'
import { asProblem, Problem } from './problem'
import { confirmation } from '../parts/confirm'

export interface Act<A extends unknown[]> {
  run: (...given: A) => Promise<boolean>
  busy: boolean
  problem: Problem | undefined
  clear: () => void
}

/** `run` says whether it went well. */
export function useAct<A extends unknown[]>(act: (...given: A) => Promise<unknown>): Act<A> {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const latest = useRef(act)
  latest.current = act
  const running = useRef(false)
  const run = useCallback(async (...given: A) => {
    if (running.current) return false
    running.current = true
    setBusy(true)
    setProblem(undefined)
    try {
      await confirmed(() => latest.current(...given))
      return true
    } catch (thrown) {
      if (!(thrown instanceof Declined)) setProblem(asProblem(thrown))
      return false
    } finally {
      running.current = false
      setBusy(false)
    }
  }, [])
  return { run, busy, problem, clear: () => setProblem(undefined) }
}

/** Does it, and where the API wants to know first that it is still the same person, asks them and does it again. */
async function confirmed(act: () => Promise<unknown>): Promise<unknown> {
  try {
    return await act()
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'confirmation_needed') throw thrown
    if (!(await confirmation())) throw new Declined()
    return act()
  }
}

/** They would rather not show who they are, so nothing is done and nothing is wrong. */
class Declined extends Error {}
