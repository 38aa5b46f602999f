// Whose conversation it is.
import { useAct } from '../api/act'
import { answer, api, may, myself, type Schemas } from '../api/client'
import { Trouble } from '../parts/notice'
import { t } from '../words'
import { useColleagues } from './filters'

export function Assignee({ conversation: one, onChange }: { conversation: Schemas['ConversationInFull']; onChange: () => Promise<void> }) {
  const colleagues = useColleagues()
  const give = useAct(async (user_id: string | null) => {
    await answer(api.POST('/v1/conversations/{conversation_id}/assign', { params: { path: { conversation_id: one.id } }, body: { user_id } }))
    await onChange()
  })
  const known = colleagues.some((colleague) => colleague.id === one.assignee_id)
  return (
    <div class="stack tight">
      <div class="row">
        <select
          class="input"
          aria-label={t.inbox.assignee}
          value={one.assignee_id ?? ''}
          disabled={!may('conversations.write') || give.busy}
          onInput={(event) => void give.run(event.currentTarget.value || null)}
        >
          <option value="">{t.inbox.nobodyInParticular}</option>
          {one.assignee_id && !known && <option value={one.assignee_id}>…</option>}
          {colleagues.map((colleague) => (
            <option key={colleague.id} value={colleague.id} selected={colleague.id === one.assignee_id}>
              {colleague.email}
            </option>
          ))}
        </select>
        {may('conversations.write') && one.assignee_id !== myself().id && (
          <button type="button" class="link small" disabled={give.busy} onClick={() => void give.run(myself().id)}>
            {t.inbox.takeIt}
          </button>
        )}
      </div>
      <Trouble problem={give.problem} />
    </div>
  )
}
