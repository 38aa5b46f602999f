// The list of conversations: pages from the API, kept true by asking for the newest page again and again.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { asProblem, type Problem } from '../api/problem'

export type Conversation = Schemas['Conversation']

const PAGE = 50
const EVERY = 4000

export interface Conversations {
  items: Conversation[] | undefined
  problem: Problem | undefined
  hasMore: boolean
  more: () => Promise<void>
  /** Show a change at once that the API has been told of. */
  put: (changed: Conversation) => void
}

export function useConversations(unread: boolean): Conversations {
  const [known, setKnown] = useState<Map<string, Conversation>>()
  const [next, setNext] = useState<string | null>(null)
  const [problem, setProblem] = useState<Problem>()
  const older = useRef(false)

  const ask = (cursor?: string) =>
    answer(api.GET('/v1/conversations', { params: { query: { limit: PAGE, unread, ...(cursor ? { cursor } : {}) } } }))
  const newest = useLive(() => ask(), [unread], EVERY)

  useEffect(() => {
    setKnown(undefined)
    older.current = false
  }, [unread])

  useEffect(() => {
    if (!newest.data) return
    const page = newest.data
    setKnown((before) => merged(before, page.items, page.next === null))
    if (!older.current) setNext(page.next)
  }, [newest.data])

  const more = useCallback(async () => {
    if (next === null) return
    older.current = true
    try {
      const page = await ask(next)
      setKnown((before) => new Map([...(before ?? []), ...page.items.map((one) => [one.id, one] as const)]))
      setNext(page.next)
      setProblem(undefined)
    } catch (thrown) {
      setProblem(asProblem(thrown))
    }
  }, [next, unread])

  const put = useCallback((changed: Conversation) => {
    setKnown((before) => before && new Map(before).set(changed.id, changed))
  }, [])

  const items = known && [...known.values()].sort(newestFirst)
  return { items, problem: problem ?? (known ? undefined : newest.problem), hasMore: next !== null, more, put }
}

/** What is known, with the newest page in place of what stood there. `whole`: there is nothing behind that page. */
export function merged(
  before: Map<string, Conversation> | undefined,
  page: Conversation[],
  whole: boolean,
): Map<string, Conversation> {
  const last = page.at(-1)
  const kept = whole || !last ? [] : [...(before?.values() ?? [])].filter((one) => newestFirst(one, last) > 0)
  return new Map([...page, ...kept].map((one) => [one.id, one]))
}

function newestFirst(one: Conversation, other: Conversation): number {
  if (one.last_message_at !== other.last_message_at) return one.last_message_at < other.last_message_at ? 1 : -1
  return one.id < other.id ? 1 : -1
}
