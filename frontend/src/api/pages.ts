// A list that comes in pages: the first at once, the next when it is asked for.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { asProblem, type Problem } from './problem'

export interface Page<T> {
  items: T[]
  next: string | null
}

export interface Pages<T> {
  items: T[] | undefined
  problem: Problem | undefined
  hasMore: boolean
  more: () => Promise<void>
  reload: () => Promise<void>
}

/** `load` gets the cursor of the page that is wanted, nothing for the first. `keys` say what it lists. */
export function usePages<T>(load: (cursor?: string) => Promise<Page<T>>, keys: readonly unknown[] = []): Pages<T> {
  const [items, setItems] = useState<T[]>()
  const [next, setNext] = useState<string | null>(null)
  const [problem, setProblem] = useState<Problem>()
  const latest = useRef(load)
  latest.current = load
  const turn = useRef(0)

  const take = useCallback(async (cursor: string | undefined) => {
    const mine = ++turn.current
    try {
      const page = await latest.current(cursor)
      if (mine !== turn.current) return
      setItems((before) => (cursor === undefined ? page.items : [...(before ?? []), ...page.items]))
      setNext(page.next)
      setProblem(undefined)
    } catch (thrown) {
      if (mine === turn.current) setProblem(asProblem(thrown))
    }
  }, [])

  const reload = useCallback(() => take(undefined), [])
  useEffect(() => {
    setItems(undefined)
    void reload()
  }, keys)

  return { items, problem, hasMore: next !== null, more: () => take(next ?? undefined), reload }
}
