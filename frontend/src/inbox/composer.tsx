// Where a reply is written. When nothing may be sent it says so and why, instead of taking words that would be refused.
import { type RefObject } from 'preact'
import { useEffect, useLayoutEffect, useState } from 'preact/hooks'
import { answer, api, may } from '../api/client'
import { Button } from '../parts/button'
import { Icon } from '../parts/icon'
import { Notice } from '../parts/notice'
import { left, Time } from '../parts/time'
import { t } from '../words'
import { sourceName } from '../consent/permissions'
import { useAttachments } from './attachments'
import type { Conversation } from './conversations'
import { Filled, Price, useEstimate } from './estimate'
import { standing } from './permission'
import { partsOf } from './segments'
import { type Send, TemplatePicker } from './template_picker'

const MOST = { sms: 1600, whatsapp: 4096 }
const SOON = 2 * 60 * 60 * 1000

interface Given {
  conversation: Conversation
  text: string
  onText: (text: string) => void
  onSend: (text: string, uploads: string[]) => void
  onSent: () => void
  suggestions: string[]
  box: RefObject<HTMLTextAreaElement | null>
}

export function Composer(given: Given) {
  const { conversation: one } = given
  const now = useNow()
  const stands = standing(one, now)
  const [template, setTemplate] = useState(false)
  useEffect(() => setTemplate(false), [one.id])
  if (!may('conversations.write')) return <Closed>{t.inbox.readOnly}</Closed>
  if (!stands.open && stands.because === 'opted_out') {
    return (
      <Closed>
        <strong>{t.inbox.optedOutLead}</strong> {sourceName(one.consent_source)}
        {one.consent_since && (
          <>
            , <Time at={one.consent_since} />
          </>
        )}
        . {t.inbox.optedOutRest}
      </Closed>
    )
  }
  if (!stands.open && stands.because === 'paused') return <Closed>{t.inbox.pausedLead}</Closed>
  const sendTemplate: Send = async (draft, header) => {
    const params = { path: { conversation_id: one.id }, header }
    await answer(api.POST('/v1/conversations/{conversation_id}/templates', { params, body: draft }))
    given.onSent()
  }
  const closes = stands.open ? stands.closes : null
  return (
    <div class="composer">
      {!stands.open && (
        <p class="window late">
          <Icon name="clock" />
          {stands.because === 'window_closed' ? t.inbox.windowClosed : t.inbox.neverWrote}
        </p>
      )}
      {closes && (
        <p class={`window ${closes.getTime() - now < SOON ? 'late' : ''}`} title={t.inbox.windowWhy}>
          <Icon name="clock" />
          {t.inbox.windowOpen(left(closes.getTime() - now))}
        </p>
      )}
      {!stands.open || template ? (
        <TemplatePicker send={sendTemplate} {...(stands.open ? { onClose: () => setTemplate(false) } : {})} />
      ) : (
        <Writing key={one.id} {...given} onTemplate={one.channel === 'whatsapp' ? () => setTemplate(true) : undefined} />
      )}
    </div>
  )
}

function Writing({ conversation: one, text, onText, onSend, suggestions, box, onTemplate }: Given & { onTemplate: (() => void) | undefined }) {
  const most = MOST[one.channel]
  const attachments = useAttachments(one.channel)
  const { files } = attachments
  const estimate = useEstimate(one.id, text, files.length)
  const sendable = (text.trim() !== '' || files.length > 0) && text.length <= most && !attachments.busy
  const send = () => {
    if (!sendable) return
    onSend(
      text,
      files.map((file) => file.id),
    )
    attachments.sent()
  }
  const insert = (words: string) => {
    onText(words)
    box.current?.focus()
  }
  useLayoutEffect(() => {
    const area = box.current
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${Math.min(area.scrollHeight + 2, 240)}px`
  }, [text, one.id])
  return (
    <>
      {suggestions.length > 0 && (
        <div class="suggestions" role="group" aria-label={t.inbox.suggestions}>
          <Icon name="spark" />
          {suggestions.map((suggestion) => (
            <button key={suggestion} type="button" onClick={() => insert(suggestion)}>
              <bdi>{suggestion}</bdi>
            </button>
          ))}
        </div>
      )}
      <textarea
        ref={box}
        class="input"
        rows={2}
        placeholder={t.inbox.write(t.channelKinds[one.channel])}
        aria-label={t.inbox.reply}
        aria-keyshortcuts="r"
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send()
        }}
      />
      {attachments.shown}
      <Filled of={estimate} />
      <div class="row apart">
        <span class="row small soft">
          {one.channel === 'sms' ? <Count text={text} onPlain={insert} /> : text.length > most && t.inbox.tooLong(text.length, most)}
          <Price of={estimate} />
        </span>
        <span class="row">
          {attachments.button}
          {onTemplate && (
            <Button kind="quiet" onClick={onTemplate}>
              {t.inbox.template}
            </Button>
          )}
          <Button kind="primary" icon="send" disabled={!sendable} onClick={send} aria-keyshortcuts="Control+Enter" title="Ctrl+Enter">
            {t.inbox.send}
          </Button>
        </span>
      </div>
    </>
  )
}

function Count({ text, onPlain }: { text: string; onPlain: (text: string) => void }) {
  if (!text) return <>{t.inbox.sendKey}</>
  if (text.length > MOST.sms) return <>{t.inbox.tooLong(text.length, MOST.sms)}</>
  const { parts, characters, costly, plain } = partsOf(text)
  return (
    <span class="row">
      <span class="number">{t.inbox.parts(parts, characters)}</span>
      {costly !== undefined && parts > 0 && (
        <span>
          {t.inbox.costly} <bdi>{costly}</bdi>
        </span>
      )}
      {plain !== undefined && (
        <button type="button" class="link" onClick={() => onPlain(plain)}>
          {t.inbox.plainSigns}
        </button>
      )}
    </span>
  )
}

function Closed({ children }: { children: preact.ComponentChildren }) {
  return (
    <div class="composer closed">
      <Notice tone="warn" icon="stop">
        {children}
      </Notice>
    </div>
  )
}

/** The time, for a countdown in minutes. */
function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 20_000)
    return () => clearInterval(timer)
  }, [])
  return now
}
