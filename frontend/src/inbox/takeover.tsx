// Who answers: a model reads along and suggests, or a person has taken the conversation over.
import { useAct } from '../api/act'
import { answer, api, may, myself, type Schemas } from '../api/client'
import { Icon } from '../parts/icon'
import { Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { t } from '../words'
import { useColleagues } from './filters'

type Conversation = Schemas['ConversationInFull']

export function Takeover({ conversation: one, onChange }: { conversation: Conversation; onChange: () => Promise<unknown> }) {
  const params = { path: { conversation_id: one.id } }
  const turn = useAct(async () => {
    await answer(one.ai_paused_at ? api.POST('/v1/conversations/{conversation_id}/handback', { params }) : api.POST('/v1/conversations/{conversation_id}/takeover', { params }))
    await onChange()
  })
  // Whoever has opted out is not read, so there is nothing to take over.
  if (!one.ai_paused_at && (!one.ai_on || one.consent_state === 'revoked')) return null
  return (
    <div class={`takeover ${one.ai_paused_at ? 'taken' : ''}`}>
      <p role="status">
        <Icon name={one.ai_paused_at ? 'contacts' : 'spark'} />
        <span>{one.ai_paused_at ? <Taken by={one.ai_paused_by} at={one.ai_paused_at} /> : t.inbox.readsAlong}</span>
      </p>
      {may('conversations.write') && (
        // The same button in either state and never disabled, so that whoever pressed it stays on it.
        <button type="button" class="link small" aria-busy={turn.busy} title={one.ai_paused_at ? t.inbox.handBackHint : t.inbox.takeOverHint} onClick={() => void turn.run()}>
          {one.ai_paused_at ? t.inbox.handBack : t.inbox.takeOver}
        </button>
      )}
      <Trouble problem={turn.problem} />
    </div>
  )
}

function Taken({ by, at }: { by: string | null; at: string }) {
  const colleagues = useColleagues()
  const whose = by === myself().id ? t.inbox.youTookOver : colleagues.find((one) => one.id === by)?.email
  return (
    <>
      {by === myself().id ? (
        whose
      ) : (
        <>
          {whose ? <bdi>{whose}</bdi> : t.inbox.aColleague} {t.inbox.tookOver}
        </>
      )}{' '}
      · <Time at={at} form="short" />
    </>
  )
}
