// One conversation: who it is with, what was said, and the place to answer.
import { Fragment, type RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api } from '../api/client'
import { useLive } from '../api/live'
import { Button, IconButton, LinkButton } from '../parts/button'
import { Icon } from '../parts/icon'
import { Notice, Trouble } from '../parts/notice'
import { dayName } from '../parts/time'
import { Empty, Skeleton } from '../parts/waiting'
import { t } from '../words'
import { Composer } from './composer'
import type { Conversation } from './conversations'
import { keep, kept } from './drafts'
import { Bubble, OnItsWay } from './message'
import { Person } from './person'
import { Others, usePresence } from './presence'
import { Interest, nameOf } from './row'
import { Takeover } from './takeover'
import { type Message, useThread } from './thread'

interface Given {
  id: string
  onChange: (changed: Conversation) => void
  box: RefObject<HTMLTextAreaElement | null>
}

export function ConversationPage({ id, onChange, box }: Given) {
  const path = { conversation_id: id }
  const about = useLive(() => answer(api.GET('/v1/conversations/{conversation_id}', { params: { path } })), [id], 5000)
  const thread = useThread(id)
  const [text, setText] = useState(() => kept(id))
  const [details, setDetails] = useState(() => matchMedia('(min-width: 84rem)').matches)
  const others = usePresence(id, text.trim() !== '')
  const one = about.data

  useEffect(() => setText(kept(id)), [id])
  useEffect(() => {
    if (one) document.title = `${nameOf(one)} · LeadsRally`
  }, [one?.name])
  useEffect(() => {
    if (!one || one.unread_count === 0 || document.hidden) return
    void answer(api.POST('/v1/conversations/{conversation_id}/read', { params: { path } })).then(
      () => onChange({ ...one, unread_count: 0 }),
      () => undefined, // it stays unread, and is tried again with the next round
    )
  }, [one])

  const write = (words: string) => {
    setText(words)
    keep(id, words)
  }
  const send = (words: string, uploads: string[]) => {
    write('')
    void thread.send(words, uploads)
  }

  // Of one that was erased meanwhile nothing stays on the page.
  if (about.problem && (!one || about.problem.status === 404)) {
    return (
      <section class="thread" aria-label={t.inbox.conversation}>
        <div class="nobody">
          <Trouble problem={about.problem} />
          <LinkButton href="/inbox">{t.common.back}</LinkButton>
        </div>
      </section>
    )
  }
  return (
    <>
      <section class="thread" aria-label={t.inbox.conversation}>
        <header>
          <a class="button quiet bare back" href="/inbox" aria-label={t.inbox.backToList}>
            <Icon name="back" />
          </a>
          <div class="whom">
            <h1>
              <bdi>{one ? nameOf(one) : '…'}</bdi>
            </h1>
            {one && (
              <p class="small soft">
                {one.name && one.phone && <span class="number">{one.phone} · </span>}
                {t.inbox.via(t.channelKinds[one.channel])} <span class="number">{one.our_number}</span>
              </p>
            )}
          </div>
          {one?.interest != null && <Interest value={one.interest} />}
          <IconButton icon="info" label={t.inbox.details} onClick={() => setDetails(!details)} />
        </header>
        {one && <Takeover conversation={one} onChange={() => Promise.all([about.reload(), thread.reload()])} />}
        <Said thread={thread} text={text} onText={write} />
        {one?.attention && <Review conversation={one} onDone={() => void about.reload()} />}
        <Others others={others} />
        {one && (
          <Composer
            conversation={one}
            text={text}
            onText={write}
            onSend={send}
            onSent={() => void thread.reload()}
            suggestions={text || one.ai_paused_at ? [] : suggestionsOf(thread.messages)}
            box={box}
          />
        )}
      </section>
      {one && details && <Person conversation={one} onChange={about.reload} onClose={() => setDetails(false)} />}
    </>
  )
}

/** What a model suggests as an answer to what they said last, as long as nobody has answered. */
function suggestionsOf(messages: Message[] | undefined): string[] {
  const last = messages?.filter((one) => one.purpose !== 'keyword').at(-1)
  return last?.direction === 'inbound' ? (last.score?.suggestions ?? []) : []
}

function Said({ thread, text, onText }: { thread: ReturnType<typeof useThread>; text: string; onText: (text: string) => void }) {
  const end = useRef<HTMLDivElement>(null)
  const scroll = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const { messages, outgoing } = thread
  const last = messages?.at(-1)?.id
  useLayoutEffect(() => {
    if (atEnd.current) end.current?.scrollIntoView({ block: 'end' })
  }, [last, messages?.at(-1)?.score, outgoing.length, messages === undefined])

  if (!messages) {
    return <div class="said-all">{thread.problem ? <Trouble problem={thread.problem} /> : <Skeleton />}</div>
  }
  /** Words that did not go after all, in front of those that are being written. */
  const back = (words: string) => {
    onText([words, text].filter(Boolean).join('\n'))
    void thread.reload()
  }
  const byId = new Map(messages.map((one) => [one.id, one]))
  return (
    <div
      class="said-all"
      ref={scroll}
      role="log"
      aria-label={t.inbox.messages}
      tabIndex={0}
      onScroll={({ currentTarget: box }) => {
        atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 80
      }}
    >
      {thread.hasEarlier && (
        <div class="further">
          <Button kind="quiet" onClick={() => void thread.earlier()}>
            {t.inbox.earlier}
          </Button>
        </div>
      )}
      {messages.map((one, place) => {
        const day = dayName(new Date(one.said_at))
        const before = messages[place - 1]
        return (
          <Fragment key={one.id}>
            {(!before || dayName(new Date(before.said_at)) !== day) && <h2 class="day">{day}</h2>}
            <Bubble message={one} answers={one.reply_to ? byId.get(one.reply_to) : undefined} onTakenBack={(words) => back(words)} />
          </Fragment>
        )
      })}
      {outgoing.map((one) => (
        <OnItsWay
          key={one.key}
          outgoing={one}
          again={() => void thread.again(one)}
          back={() => {
            back(one.body)
            thread.take(one.key)
          }}
        />
      ))}
      <div ref={end} />
    </div>
  )
}

function Review({ conversation: one, onDone }: { conversation: Conversation; onDone: () => void }) {
  const decide = useAct(async (decision: 'resume' | 'opt_out' | 'seen') => {
    const params = { path: { conversation_id: one.id } }
    await answer(api.POST('/v1/conversations/{conversation_id}/review', { params, body: { decision } }))
    onDone()
  })
  return (
    <div class="review">
      <Notice tone="warn">
        <p>{reasonOf(one)}</p>
        <div class="row">
          {one.consent_state === 'paused' ? (
            <>
              <Button busy={decide.busy} onClick={() => void decide.run('resume')}>
                {t.inbox.resume}
              </Button>
              <Button kind="danger" busy={decide.busy} onClick={() => void decide.run('opt_out')}>
                {t.inbox.optOut}
              </Button>
            </>
          ) : (
            <Button busy={decide.busy} onClick={() => void decide.run('seen')}>
              {t.inbox.seen}
            </Button>
          )}
        </div>
        <Trouble problem={decide.problem} />
      </Notice>
    </div>
  )
}

function reasonOf({ attention, consent_state }: Conversation): string {
  if (attention === null || !(attention in t.attentions)) return attention ?? ''
  if (attention === 'may_want_to_stop' && consent_state === 'revoked') return t.inbox.tookAsStop
  return t.attentions[attention as keyof typeof t.attentions]
}

/** What is beside the list before a conversation is chosen. */
export function Unchosen() {
  return (
    <section class="thread none">
      <Empty icon="inbox" title={t.inbox.choose}>
        <dl class="keys">
          {t.inbox.keys.map(([key, does]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
      </Empty>
    </section>
  )
}
