// The left column: search, filters, and the conversations. Only rows in sight are in the page, however many there are.
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../parts/button'
import { Empty, Loaded } from '../parts/waiting'
import { t } from '../words'
import type { Conversation, Conversations } from './conversations'
import { FilterBar, filtered, type Filters, NONE } from './filters'
import { Hits } from './hits'
import { Row } from './row'

const HEIGHT = 80
const SPARE = 6

interface Given {
  conversations: Conversations
  filters: Filters
  onFilter: (filters: Filters) => void
  search: string
  onSearch: (search: string) => void
  chosen: string | undefined
}

export function List({ conversations, filters, onFilter, search, onSearch, chosen }: Given) {
  return (
    <section class="list" aria-label={t.inbox.list}>
      <div class="tools">
        <input
          id="search"
          class="input"
          type="search"
          placeholder={t.inbox.search}
          aria-label={t.inbox.search}
          aria-keyshortcuts="/"
          value={search}
          onInput={(event) => onSearch(event.currentTarget.value)}
        />
        {!search && <FilterBar filters={filters} onChange={onFilter} />}
      </div>
      {search ? (
        <Hits search={search} known={conversations.items ?? []} chosen={chosen} />
      ) : (
        <div class="rows">
          <Loaded data={conversations.items} problem={conversations.problem}>
            {(shown) => (
              <Rows
                shown={shown}
                chosen={chosen}
                hasMore={conversations.hasMore}
                more={conversations.more}
                empty={<Nothing filtered={filtered(filters)} clear={() => onFilter(NONE)} />}
              />
            )}
          </Loaded>
        </div>
      )}
    </section>
  )
}

function Rows({ shown, chosen, hasMore, more, empty }: {
  shown: readonly Conversation[]
  chosen: string | undefined
  hasMore: boolean
  more: () => Promise<void>
  empty: ComponentChildren
}) {
  const box = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const [height, setHeight] = useState(800)
  const asking = useRef(false)

  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const watch = new ResizeObserver(() => setHeight(element.clientHeight))
    watch.observe(element)
    return () => watch.disconnect()
  }, [])

  const first = Math.max(0, Math.floor(top / HEIGHT) - SPARE)
  const last = Math.min(shown.length, Math.ceil((top + height) / HEIGHT) + SPARE)
  const nearEnd = last >= shown.length
  const goOn = async () => {
    if (asking.current) return
    asking.current = true
    await more()
    asking.current = false
  }
  useEffect(() => {
    if (nearEnd && hasMore) void goOn()
  }, [nearEnd, hasMore, shown.length, more])

  useEffect(() => {
    const place = shown.findIndex((one) => one.id === chosen)
    const element = box.current
    if (place < 0 || !element) return
    if (place * HEIGHT < element.scrollTop) element.scrollTop = place * HEIGHT
    if ((place + 1) * HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = (place + 1) * HEIGHT - element.clientHeight
  }, [chosen])

  return (
    <div class="scroll" ref={box} onScroll={(event) => setTop(Math.floor(event.currentTarget.scrollTop / HEIGHT) * HEIGHT)} tabIndex={-1}>
      {shown.length === 0 && !hasMore && empty}
      <ul style={{ height: `${shown.length * HEIGHT}px` }}>
        {shown.slice(first, last).map((one, place) => (
          <li key={one.id} style={{ top: `${(first + place) * HEIGHT}px`, height: `${HEIGHT}px` }}>
            <Row conversation={one} chosen={one.id === chosen} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function Nothing({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  if (filtered) {
    return (
      <Empty icon="inbox" title={t.inbox.noneFit}>
        <Button onClick={clear}>{t.inbox.clear}</Button>
      </Empty>
    )
  }
  return (
    <Empty icon="inbox" title={t.inbox.none}>
      <p class="soft">{t.inbox.noneLead}</p>
      <a href="/channels">{t.inbox.toChannels}</a>
    </Empty>
  )
}
