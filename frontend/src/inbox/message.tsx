// One message with all that is known of it: where it stands, why it failed, what a model read in it.
import type { ComponentChildren } from 'preact'
import { useAct } from '../api/act'
import { answer, api, may } from '../api/client'
import { Icon, type IconName } from '../parts/icon'
import { Time } from '../parts/time'
import { Button } from '../parts/button'
import { t } from '../words'
import { MediaFile } from './media'
import { intentName } from './row'
import type { Message, Outgoing } from './thread'
import { WhyButton } from './why'

export function Bubble({ message: one, answers, onTakenBack }: { message: Message; answers: Message | undefined; onTakenBack: (words: string) => void }) {
  const ours = one.direction === 'outbound'
  return (
    <article class={`bubble ${ours ? 'ours' : 'theirs'}`} aria-label={ours ? t.inbox.we : t.inbox.they}>
      {answers && (
        <blockquote>
          <bdi>{answers.body || t.kinds[answers.kind]}</bdi>
        </blockquote>
      )}
      {one.media.map((file) => (
        <MediaFile key={file.id} message={one.id} file={file} />
      ))}
      {one.revoked_at ? (
        <p class="soft">{t.inbox.revoked}</p>
      ) : (
        (one.body || one.media.length === 0) && <Words>{one.body || t.kinds[one.kind]}</Words>
      )}
      <Choices message={one} />
      <footer>
        {ours && one.author_id === null && <span>{t.inbox.automatic}</span>}
        {one.edited_at && <span>{t.inbox.edited}</span>}
        {one.reaction && <span class="reaction">{one.reaction}</span>}
        <Time at={one.said_at} form="clock" />
        {ours && <Standing status={one.status} />}
      </footer>
      {ours && <Why message={one} />}
      {ours && one.status === 'queued' && may('conversations.write') && <TakeBack message={one} onTakenBack={onTakenBack} />}
      {ours && one.verdict && <WhyButton message={one.id} refused={one.verdict.decision !== 'send'} />}
      {!ours && one.score && <Reading score={one.score} />}
    </article>
  )
}

/** Whatever somebody wrote: as text, kept to its own direction and inside its own box. */
function Words({ children }: { children: ComponentChildren }) {
  return (
    <p class="words">
      <bdi>{children}</bdi>
    </p>
  )
}

function Choices({ message: { content } }: { message: Message }) {
  if (!content || typeof content !== 'object') return null
  if ('location' in content && content.location) {
    const { latitude, longitude, name, address } = content.location
    return (
      <p class="small">
        <bdi>{[name, address].filter(Boolean).join(', ')}</bdi> <span class="number">{`${latitude.toFixed(5)}, ${longitude.toFixed(5)}`}</span>
      </p>
    )
  }
  return null
}

const SIGNS: Partial<Record<Message['status'], IconName>> = {
  queued: 'clock',
  claimed: 'clock',
  unknown: 'warning',
  accepted: 'check',
  sent: 'check',
  delivered: 'checks',
  read: 'checks',
  played: 'checks',
  failed: 'warning',
  undelivered: 'warning',
  refused: 'stop',
  canceled: 'close',
}

function Standing({ status }: { status: Message['status'] }) {
  const sign = SIGNS[status]
  return (
    <span class={`status ${status}`}>
      {sign && <Icon name={sign} />}
      {t.statuses[status]}
    </span>
  )
}

/** As long as it waits, it need not go. */
function TakeBack({ message, onTakenBack }: { message: Message; onTakenBack: (words: string) => void }) {
  const cancel = useAct(async () => {
    await answer(api.POST('/v1/messages/{message_id}/cancel', { params: { path: { message_id: message.id } } }))
    onTakenBack(message.body)
  })
  return (
    <>
      <button type="button" class="link" disabled={cancel.busy} onClick={() => void cancel.run()}>
        {t.inbox.takeBack}
      </button>
      {cancel.problem && <p class="why bad">{cancel.problem.sentence}</p>}
    </>
  )
}

/** Why it did not go, or not yet, and what to do about it. */
function Why({ message: { failure, verdict, status } }: { message: Message }) {
  if (failure) {
    return (
      <p class="why bad">
        {failure.cause} {failure.remedy} <span class="soft">({failure.code})</span>
      </p>
    )
  }
  if (!verdict || verdict.decision === 'send') return status === 'unknown' ? <p class="why">{t.inbox.unknownWhy}</p> : null
  return (
    <p class={`why ${verdict.decision === 'refuse' ? 'bad' : ''}`}>
      {ruleName(verdict.rule)}{' '}
      {verdict.until && status === 'queued' && (
        <>
          {t.inbox.until} <Time at={verdict.until} />
        </>
      )}
      {verdict.templates.length > 0 && t.inbox.templatesInstead(verdict.templates.join(', '))}
    </p>
  )
}

export function ruleName(rule: string): string {
  return rule in t.rules ? t.rules[rule as keyof typeof t.rules] : rule.replaceAll('_', ' ')
}

function Reading({ score }: { score: NonNullable<Message['score']> }) {
  return (
    <p class="reading" title={t.inbox.readBy(score.model)}>
      <Icon name="spark" />
      <span>
        {score.outcome === 'scored' ? (
          <>
            {score.intent && intentName(score.intent)}
            {score.interest !== null && ` · ${t.inbox.interestOf(score.interest)}`}
            {score.reason && (
              <>
                {' · '}
                <bdi>{score.reason}</bdi>
              </>
            )}
          </>
        ) : (
          t.outcomes[score.outcome]
        )}
      </span>
    </p>
  )
}

/** A reply on its way to the API, shown at once; and honestly, when it did not get there. */
export function OnItsWay({ outgoing, again, back }: { outgoing: Outgoing; again: () => void; back: () => void }) {
  return (
    <article class="bubble ours pending" aria-label={t.inbox.we}>
      <Words>{outgoing.body || t.inbox.files(outgoing.uploads.length)}</Words>
      {outgoing.problem ? (
        <>
          <p class="why bad" role="alert">
            {t.inbox.notSent} {outgoing.problem.sentence}
          </p>
          <div class="row">
            <Button onClick={again}>{t.common.again}</Button>
            <Button kind="quiet" onClick={back}>
              {t.inbox.toDraft}
            </Button>
          </div>
        </>
      ) : (
        <footer>
          <span class="status">
            <Icon name="clock" />
            {t.inbox.sending}
          </span>
        </footer>
      )}
    </article>
  )
}
