import { useEffect, useState } from 'preact/hooks'
import { answer, api, may, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { usePages } from '../api/pages'
import { Button, LinkButton } from '../parts/button'
import { Badge } from '../parts/notice'
import { Time } from '../parts/time'
import { Empty, Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import './contacts.css'

type Contact = Schemas['Contact']
type Order = 'newest' | 'name' | 'last_activity'

const PAUSE = 250

export default function Contacts() {
  const [typed, setTyped] = useState('')
  const [search, setSearch] = useState('')
  const [tag, setTag] = useState('')
  const [sort, setSort] = useState<Order>('newest')
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), PAUSE)
    return () => clearTimeout(timer)
  }, [typed])
  const filtered = search !== '' || tag !== ''
  // What is searched or filtered comes newest first, says the API.
  const query = { ...(search ? { search } : {}), ...(tag ? { tag } : {}), ...(filtered ? {} : { sort }) }
  const contacts = usePages(
    (cursor) => answer(api.GET('/v1/contacts', { params: { query: { ...query, ...(cursor ? { cursor } : {}) } } })),
    [search, tag, sort],
  )
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
      <Loaded data={contacts.items} problem={contacts.problem} reload={() => void contacts.reload()} lines={10}>
        {(items) =>
          items.length === 0 && !contacts.hasMore ? (
            <Nobody filtered={filtered} clear={clear} />
          ) : (
            <Table contacts={items} />
          )
        }
      </Loaded>
      {contacts.hasMore && (
        <div>
          <Button onClick={() => void contacts.more()}>{t.common.more}</Button>
        </div>
      )}
    </Page>
  )
}

function Table({ contacts }: { contacts: Contact[] }) {
  return (
    <table class="table">
      <thead>
        <tr>
          <th>{t.contacts.name}</th>
          <th>{t.inbox.number}</th>
          <th>{t.contacts.tags}</th>
          <th>{t.contacts.lastActivity}</th>
        </tr>
      </thead>
      <tbody>
        {contacts.map((one) => (
          <tr key={one.id}>
            <td>
              <a href={`/contacts/${one.id}`}>
                <bdi>{one.name || one.phone || one.email || t.inbox.nameless}</bdi>
              </a>{' '}
              {one.restricted && <Badge tone="warn">{t.contacts.restricted}</Badge>}
              {one.email && (
                <div class="small soft">
                  <bdi>{one.email}</bdi>
                </div>
              )}
            </td>
            <td class="number">{one.phone}</td>
            <td>
              <span class="row">
                {one.tags.map((tag) => (
                  <Badge key={tag.id}>{tag.name}</Badge>
                ))}
              </span>
            </td>
            <td>{one.last_message_at ? <Time at={one.last_message_at} form="short" /> : <span class="soft">{t.common.never}</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
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
