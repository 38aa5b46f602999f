// Who else is looking at this conversation, so that two do not answer it at once.
import { useEffect, useRef } from 'preact/hooks'
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Icon } from '../parts/icon'
import { t } from '../words'

const EVERY = 5000

/** Says that we are here, again and again, and who else is. A tab that nobody sees says nothing. */
export function usePresence(conversation: string, writing: boolean): readonly Schemas['Colleague'][] {
  const now = useRef(writing)
  now.current = writing
  const others = useLive(
    () => answer(api.POST('/v1/conversations/{conversation_id}/presence', { params: { path: { conversation_id: conversation } }, body: { writing: now.current } })),
    [conversation],
    EVERY,
  )
  const told = useRef(writing)
  useEffect(() => {
    if (told.current === writing) return
    told.current = writing
    void others.reload()
  }, [writing])
  return others.data?.others ?? []
}

export function Others({ others }: { others: readonly Schemas['Colleague'][] }) {
  if (others.length === 0) return null
  const writing = others.some((one) => one.writing)
  return (
    <p class={`others ${writing ? 'late' : ''}`} role="status">
      <Icon name="contacts" />
      <span>
        {others.map((one, place) => (
          <span key={one.user_id}>
            {place > 0 && ', '}
            <bdi>{one.email}</bdi>
          </span>
        ))}{' '}
        {writing ? t.inbox.alsoWriting : t.inbox.alsoHere}
      </span>
    </p>
  )
}
