// The list of conversations: pages from the API, kept true by asking for the newest page again and again.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { asProblem, type Problem } from '../api/problem'
import { asked, type Filters } from './filters'

export type Conversation = Schemas['Conversation']

const PAGE = 50
const EVERY = 4000

export interface Conversations {
  items: readonly Conversation[] | undefined
  problem: Problem | undefined
  hasMore: boolean
  more: () => Promise<void>
  /** Show a change at once that the API has been told of. */
  put: (changed: Conversation) => void
}

export function useConversations(filters: Filters): Conversations {
  const [items, setItems] = useState<readonly Conversation[]>()
  const [next, setNext] = useState<string | null>(null)
  const [problem, setProblem] = useState<Problem>()
  const older = useRef(false)
  const ids = useRef(new Set<string>())
  const query = asked(filters)
  const which = JSON.stringify(query)
  const now = useRef(which)
  now.current = which

  const ask = (cursor?: string) => answer(api.GET('/v1/conversations', { params: { query: { limit: PAGE, ...query, ...(cursor ? { cursor } : {}) } } }))
  const newest = useLive(() => ask(), [which], EVERY)

  useEffect(() => {
    setItems(undefined)
    setNext(null)
    older.current = false
    ids.current = new Set()
  }, [which])

  useEffect(() => {
    if (!newest.data) return
    const page = newest.data
    setItems((before) => merged(before ?? [], page.items, page.next === null))
    for (const one of page.items) ids.current.add(one.id)
    if (!older.current) setNext(page.next)
  }, [newest.data])

  const more = useCallback(async () => {
    if (next === null) return
    older.current = true
    try {
      const page = await ask(next)
      if (now.current !== which) return
      // Whoever has moved up since stands there already.
      const fresh = page.items.filter((one) => !ids.current.has(one.id))
      for (const one of fresh) ids.current.add(one.id)
      setItems((before) => [...(before ?? []), ...fresh])
      setNext(page.next)
      setProblem(undefined)
    } catch (thrown) {
      setProblem(asProblem(thrown))
    }
  }, [next, which])

  const put = useCallback((changed: Conversation) => {
    setItems((before) => before?.map((one) => (one.id === changed.id ? changed : one)))
  }, [])

  return { items, problem: problem ?? (items ? undefined : newest.problem), hasMore: next !== null, more, put }
}

/**
 * What is known, newest first, with the newest page in place of what stood there. `whole`: nothing is behind that page.
 * It is asked for every few seconds and of a list that may be long: what has not changed is left as it is, and the rest
 * is gone through only when somebody has moved up out of it.
 */
function merged(before: readonly Conversation[], page: readonly Conversation[], whole: boolean): readonly Conversation[] {
  const last = page.at(-1)
  if (whole || !last) return page
  const end = before.findIndex((one) => behind(one, last))
  const top = new Map(before.slice(0, end < 0 ? before.length : end).map((one) => [one.id, one]))
  const fresh = page.map((one) => same(top.get(one.id), one) ?? one)
  if (fresh.length === top.size && fresh.every((one, place) => one === before[place])) return before
  const rest = end < 0 ? [] : before.slice(end)
  if (fresh.every((one) => top.has(one.id))) return [...fresh, ...rest]
  const ids = new Set(fresh.map((one) => one.id))
  return [...fresh, ...rest.filter((one) => !ids.has(one.id))]
}

/** What is known already, if it is the same. */
function same(known: Conversation | undefined, told: Conversation): Conversation | undefined {
  return known && JSON.stringify(known) === JSON.stringify(told) ? known : undefined
}

function behind(one: Conversation, other: Conversation): boolean {
  return one.last_message_at === other.last_message_at ? one.id < other.id : one.last_message_at < other.last_message_at
}
