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

const SLOWEST = 60_000

/**
 * Calls `load` at once and then about every `every` milliseconds (0: only when told). `keys` say what it loads: when
 * they change, what was loaded before is forgotten. An answer that somebody else overtook is dropped.
 */
export function useLive<T>(load: () => Promise<T>, keys: readonly unknown[], every = 0): Live<T> {
  const [state, setState] = useState<{ data?: T; problem?: Problem }>({})
  const latest = useRef(load)
  latest.current = load
  const turn = useRef(0)
  const failures = useRef(0)

  const reload = useCallback(async () => {
    const mine = ++turn.current
    try {
      const data = await latest.current()
      if (mine !== turn.current) return
      failures.current = 0
      setState({ data })
    } catch (thrown) {
      if (mine !== turn.current) return
      failures.current += 1
      const problem = asProblem(thrown)
      setState((before) => ({ ...before, problem }))
    }
  }, [])

  useEffect(() => {
    setState({})
    failures.current = 0
    void reload()
    if (every === 0) return () => void turn.current++
    let timer = 0
    const wait = () => {
      const pause = Math.min(every * 2 ** failures.current, SLOWEST)
      timer = window.setTimeout(() => void round(), pause * (0.9 + Math.random() * 0.2))
    }
    const round = async () => {
      if (!document.hidden) await reload()
      wait()
    }
    const seen = () => {
      if (!document.hidden) void reload()
    }
    wait()
    document.addEventListener('visibilitychange', seen)
    window.addEventListener('online', seen)
    return () => {
      turn.current++
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
      window.removeEventListener('online', seen)
    }
  }, keys)

  return { data: state.data, problem: state.problem, reload }
}
