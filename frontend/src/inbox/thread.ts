// The messages of one conversation: what the API has, and what is on its way there.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { asProblem, type Problem } from '../api/problem'
import { say } from '../parts/toast'
import { t } from '../words'
import { keep, kept } from './drafts'

export type Message = Schemas['Message']

/** A reply that the API has not taken yet, or did not take. */
export interface Outgoing {
  key: string
  body: string
  uploads: string[]
  problem: Problem | undefined
}

const PAGE = 50
const EVERY = 2500

export function useThread(conversation: string) {
  const [known, setKnown] = useState<Map<string, Message>>()
  const [next, setNext] = useState<string | null>(null)
  const [outgoing, setOutgoing] = useState<Outgoing[]>([])
  const older = useRef(false)
  const here = useRef(conversation)
  const waiting = useRef(outgoing)
  waiting.current = outgoing
  const path = { conversation_id: conversation }

  const ask = (cursor?: string) =>
    answer(
      api.GET('/v1/conversations/{conversation_id}/messages', {
        params: { path, query: { limit: PAGE, ...(cursor ? { cursor } : {}) } },
      }),
    )
  const newest = useLive(() => ask(), [conversation], EVERY)

  useEffect(() => {
    setKnown(undefined)
    setOutgoing([])
    older.current = false
    here.current = conversation
    return () => {
      here.current = ''
      // Whoever turns away from a reply that did not go finds its words in the draft.
      for (const one of waiting.current) if (one.problem) backToDraft(conversation, one.body)
    }
  }, [conversation])

  useEffect(() => {
    if (!newest.data) return
    const { items, next: behind } = newest.data
    const last = items.at(-1)
    setKnown((before) => {
      const kept = last && behind !== null ? [...(before?.values() ?? [])].filter((one) => one.said_at < last.said_at) : []
      return new Map([...kept, ...items].map((one) => [one.id, one]))
    })
    if (!older.current) setNext(behind)
  }, [newest.data])

  const earlier = async () => {
    if (next === null) return
    const page = await answer(
      api.GET('/v1/conversations/{conversation_id}/messages', { params: { path, query: { limit: PAGE, cursor: next } } }),
    )
    older.current = true
    setKnown((before) => new Map([...page.items.map((one) => [one.id, one] as const), ...(before ?? [])]))
    setNext(page.next)
  }

  const deliver = useCallback(
    async ({ key, body, uploads }: Outgoing) => {
      setOutgoing((before) => [...before.filter((one) => one.key !== key), { key, body, uploads, problem: undefined }])
      try {
        const params = { path: { conversation_id: conversation }, header: { 'Idempotency-Key': key } }
        await answer(api.POST('/v1/conversations/{conversation_id}/messages', { params, body: { body, uploads } }))
        await newest.reload()
        setOutgoing((before) => before.filter((one) => one.key !== key))
      } catch (thrown) {
        const problem = asProblem(thrown)
        if (here.current !== conversation) {
          backToDraft(conversation, body)
          say(`${t.inbox.notSent} ${problem.sentence}`)
        }
        setOutgoing((before) => before.map((one) => (one.key === key ? { ...one, problem } : one)))
      }
    },
    [conversation],
  )

  const take = (key: string) => setOutgoing((before) => before.filter((one) => one.key !== key))

  return {
    messages: known && [...known.values()].sort(oldestFirst),
    problem: newest.problem,
    hasEarlier: next !== null,
    earlier,
    outgoing,
    send: (body: string, uploads: string[]) => deliver({ key: crypto.randomUUID(), body, uploads, problem: undefined }),
    /** The same key again, so that a reply that arrived after all is not sent twice. */
    again: deliver,
    /** Give one up that did not go. */
    take,
    reload: newest.reload,
  }
}

function backToDraft(conversation: string, body: string): void {
  keep(conversation, [body, kept(conversation)].filter(Boolean).join('\n'))
}

function oldestFirst(one: Message, other: Message): number {
  if (one.said_at !== other.said_at) return one.said_at < other.said_at ? -1 : 1
  return one.id < other.id ? -1 : 1
}
