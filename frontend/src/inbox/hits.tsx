// What a search finds: people among the conversations that are loaded, and messages of all.
import { answer, api } from '../api/client'
import { usePages } from '../api/pages'
import { More } from '../parts/more'
import { useSettled } from '../parts/settled'
import { Time } from '../parts/time'
import { Loaded } from '../parts/waiting'
import { t } from '../words'
import { type Conversation } from './conversations'
import { nameOf, Row } from './row'

export function Hits({ search, known, chosen }: { search: string; known: readonly Conversation[]; chosen: string | undefined }) {
  const words = useSettled(search.trim())
  const hits = usePages(
    async (cursor) =>
      words ? answer(api.GET('/v1/messages', { params: { query: { search: words, limit: 30, ...(cursor ? { cursor } : {}) } } })) : { items: [], next: null },
    [words],
  )
  const sought = search.trim().toLowerCase()
  const people = known.filter((one) => nameOf(one).toLowerCase().includes(sought) || one.phone?.includes(sought)).slice(0, 5)
  return (
    <div class="rows">
      <div class="scroll">
        {people.length > 0 && (
          <>
            <h2 class="group">{t.inbox.people}</h2>
            {people.map((one) => (
              <div key={one.id} class="found">
                <Row conversation={one} chosen={one.id === chosen} />
              </div>
            ))}
          </>
        )}
        <h2 class="group">{t.inbox.messages}</h2>
        <Loaded data={hits.items} problem={hits.problem} reload={() => void hits.reload()}>
          {(items) =>
            items.length === 0 ? (
              <p class="group soft">{t.inbox.noHits}</p>
            ) : (
              items.map((hit) => {
                const whose = known.find((one) => one.id === hit.conversation_id)
                return (
                  <a key={hit.id} class="conversation hit" href={`/inbox/${hit.conversation_id}`}>
                    <span class="who">
                      <bdi class="name">{hit.direction === 'outbound' ? t.inbox.we : whose ? nameOf(whose) : t.inbox.they}</bdi>
                      <Time at={hit.created_at} form="short" />
                    </span>
                    <span class="said">
                      <bdi>{hit.body}</bdi>
                    </span>
                  </a>
                )
              })
            )
          }
        </Loaded>
        <div class="further">
          <More of={hits} />
        </div>
      </div>
    </div>
  )
}
