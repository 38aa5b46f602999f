import { useState } from 'preact/hooks'
import { answer, api, may } from '../api/client'
import { useLive } from '../api/live'
import { usePages } from '../api/pages'
import { Button, LinkButton } from '../parts/button'
import { More } from '../parts/more'
import { useSettled } from '../parts/settled'
import { Empty, Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import { type Chosen, ManyAtOnce } from './bulk'
import { PeopleRooms } from './rooms'
import { ContactTable } from './table'
import './contacts.css'

type Order = 'newest' | 'name' | 'last_activity'

export default function Contacts() {
  const [typed, setTyped] = useState('')
  const search = useSettled(typed.trim())
  const [tag, setTag] = useState('')
  const [sort, setSort] = useState<Order>('newest')
  const filtered = search !== '' || tag !== ''
  // What is searched or filtered comes newest first, says the API.
  const query = { ...(search ? { search } : {}), ...(tag ? { tag } : {}), ...(filtered ? {} : { sort }) }
  const contacts = usePages(
    (cursor) => answer(api.GET('/v1/contacts', { params: { query: { ...query, ...(cursor ? { cursor } : {}) } } })),
    [search, tag, sort],
  )
  const nobody = contacts.items?.length === 0 && !contacts.hasMore
  const chosen: Chosen = search ? { search } : { condition: tag ? { on: 'tag', is: 'set', value: tag } : { all: [] } }
  const tags = useLive(() => answer(api.GET('/v1/tags')), [])
  const clear = () => {
    setTyped('')
    setTag('')
  }
  const acts = may('contacts.write') && (
    <LinkButton href="/contacts/new" kind="primary" icon="plus">
      {t.contacts.add}
    </LinkButton>
  )
  return (
    <Page title={t.shell.names['/contacts']} lead={t.contacts.lead} acts={acts}>
      <PeopleRooms />
      <div class="finder">
        <input class="input" type="search" placeholder={t.contacts.search} aria-label={t.contacts.search} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        {!!tags.data?.items.length && (
          <select class="input" aria-label={t.contacts.tag} value={tag} onInput={(event) => setTag(event.currentTarget.value)}>
            <option value="">{t.contacts.anyTag}</option>
            {tags.data.items.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        )}
        <select class="input" aria-label={t.contacts.sort} value={filtered ? 'newest' : sort} disabled={filtered} onInput={(event) => setSort(event.currentTarget.value as Order)}>
          {(Object.entries(t.contactOrders) as [Order, string][]).map(([value, shown]) => (
            <option key={value} value={value}>
              {shown}
            </option>
          ))}
        </select>
      </div>
      <ManyAtOnce chosen={(search && tag) || nobody ? undefined : chosen} tags={tags.data?.items ?? []} />
      <Loaded data={contacts.items} problem={contacts.problem} reload={() => void contacts.reload()} lines={10}>
        {(items) => (nobody ? <Nobody filtered={filtered} clear={clear} /> : <ContactTable contacts={items} />)}
      </Loaded>
      <More of={contacts} />
    </Page>
  )
}

function Nobody({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  if (filtered) {
    return (
      <Empty icon="contacts" title={t.contacts.noneFit}>
        <Button onClick={clear}>{t.inbox.clear}</Button>
      </Empty>
    )
  }
  return (
    <Empty icon="contacts" title={t.contacts.none}>
      <p class="soft">{t.contacts.noneLead}</p>
    </Empty>
  )
}
