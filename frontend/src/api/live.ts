// What is on the page stays true: it is asked for again while somebody looks at it, more rarely when that fails or
// when nothing changes, and never in a tab that is hidden.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { asProblem, type Problem } from './problem'

export interface Live<T> {
  data: T | undefined
  problem: Problem | undefined
  /** Ask now. */
  reload: () => Promise<void>
}

const SOON = 1000
const SLOWEST = 60_000

/**
 * Calls `load` at once and then about `every` milliseconds after each answer (0: only when told), which may depend on
 * what was answered: what goes on by itself is asked about until it is over. `keys` say what it loads: when they
 * change, what was loaded before is forgotten. An answer that somebody else overtook is dropped.
 */
export function useLive<T>(load: () => Promise<T>, keys: readonly unknown[], every: number | ((data: T) => number) = 0): Live<T> {
  const [state, setState] = useState<{ data?: T; problem?: Problem }>({})
  const latest = useRef({ load, every })
  latest.current = { load, every }
  const known = useRef<{ data: T } | undefined>(undefined)
  const turn = useRef(0)
  const failures = useRef(0)
  const timer = useRef(0)
  const looked = useRef(false)

  const pause = (): number => {
    const { every } = latest.current
    if (typeof every === 'number') return every
    return known.current ? every(known.current.data) : SOON
  }

  const wait = () => {
    clearTimeout(timer.current)
    const rest = pause()
    if (rest === 0 || !looked.current) return
    const next = Math.min(rest * 2 ** failures.current, SLOWEST)
    timer.current = window.setTimeout(() => (document.hidden ? wait() : void reload()), next * (0.9 + Math.random() * 0.2))
  }

  const reload = useCallback(async () => {
    const mine = ++turn.current
    try {
      const data = await latest.current.load()
      if (mine !== turn.current) return
      failures.current = 0
      known.current = { data }
      setState({ data })
    } catch (thrown) {
      if (mine !== turn.current) return
      failures.current += 1
      const problem = asProblem(thrown)
      setState((before) => ({ ...before, problem }))
    }
    wait()
  }, [])

  useEffect(() => {
    setState({})
    known.current = undefined
    failures.current = 0
    looked.current = true
    void reload()
    const seen = () => {
      if (!document.hidden && pause() > 0) void reload()
    }
    document.addEventListener('visibilitychange', seen)
    window.addEventListener('online', seen)
    return () => {
      turn.current++
      looked.current = false
      clearTimeout(timer.current)
      document.removeEventListener('visibilitychange', seen)
      window.removeEventListener('online', seen)
    }
  }, keys)

  return { data: state.data, problem: state.problem, reload }
}
