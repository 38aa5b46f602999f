// One person: what is known of them, what may be sent to them, and what colleagues noted.
import { useRoute } from 'preact-iso'
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, type Schemas, tagged } from '../api/client'
import { useLive } from '../api/live'
import { Permissions } from '../consent/permissions'
import { LinkButton } from '../parts/button'
import { Icon } from '../parts/icon'
import { Badge, Trouble } from '../parts/notice'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import { type Person, PersonForm } from './person_form'
import { Duplicates } from './duplicates'
import { nameOf } from './name'
import { Notes } from './notes'
import { Rights } from './rights'
import { Timeline } from './timeline'
import { WriteFirst } from './write_first'
import './contacts.css'

type Contact = Schemas['Contact']

export default function ContactPage() {
  const id = useRoute().params.id ?? ''
  const params = { path: { contact_id: id } }
  const found = useLive(() => tagged(api.GET('/v1/contacts/{contact_id}', { params })), [id])
  const contact = found.data?.data
  return (
    <Page
      title={contact ? nameOf(contact) : t.shell.names['/contacts']}
      lead={contact?.restricted && <Badge tone="warn">{t.contacts.restricted}</Badge>}
      acts={
        <>
          {contact && <WriteFirst contact={contact.id} />}
          <LinkButton href="/contacts">{t.contacts.toAll}</LinkButton>
        </>
      }
    >
      <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()} lines={8}>
        {({ data, etag }) => (
          <div class="halves">
            <div class="stack">
              <Known contact={data} etag={etag} reload={found.reload} />
              <section class="card stack">
                <h2>{t.contacts.notes}</h2>
                <Notes contact={data.id} />
              </section>
              <Timeline contact={data.id} fresh={etag} />
            </div>
            <div class="stack">
              <Duplicates contact={data.id} onMerge={found.reload} />
              <Tags contact={data} reload={found.reload} />
              <section class="card stack">
                <h2>{t.inbox.permission}</h2>
                <Permissions contact={data.id} />
              </section>
              <Rights contact={data.id} />
            </div>
          </div>
        )}
      </Loaded>
    </Page>
  )
}

function Known({ contact, etag, reload }: { contact: Contact; etag: string; reload: () => Promise<void> }) {
  const save = useAct(async ({ name, phone, email }: Person, fields: Record<string, string | number | boolean | null>) => {
    const params = { path: { contact_id: contact.id }, header: { 'If-Match': etag } }
    // Only what has changed: a number that is sent again would be read again.
    const body = {
      ...(name === contact.name ? {} : { name }),
      ...(phone === contact.phone ? {} : { phone }),
      ...(email === contact.email ? {} : { email }),
      ...(Object.keys(fields).length > 0 ? { fields } : {}),
    } as Schemas['ContactEdit']
    await answer(api.PATCH('/v1/contacts/{contact_id}', { params, body }))
    await reload()
    say(t.common.saved)
  })
  return (
    <section class="card stack">
      <PersonForm
        key={contact.updated_at}
        person={contact}
        busy={save.busy}
        problem={save.problem}
        disabled={!may('contacts.write')}
        go={t.common.save}
        onSave={(person, fields) => void save.run(person, fields)}
      />
      {contact.other_numbers.length > 0 && (
        <p class="small soft">
          {t.contacts.otherNumbers} <span class="number">{contact.other_numbers.join(', ')}</span>
        </p>
      )}
    </section>
  )
}

function Tags({ contact, reload }: { contact: Contact; reload: () => Promise<void> }) {
  const [name, setName] = useState('')
  const path = { contact_id: contact.id }
  const add = useAct(async (names: string[]) => {
    await answer(api.POST('/v1/contacts/{contact_id}/tags', { params: { path }, body: { names } }))
    setName('')
    await reload()
  })
  const remove = useAct(async (tag: Contact['tags'][number]) => {
    await answer(api.DELETE('/v1/contacts/{contact_id}/tags/{tag_id}', { params: { path: { ...path, tag_id: tag.id } } }))
    await reload()
    say(t.contacts.untagged(tag.name), () => void add.run([tag.name]))
  })
  return (
    <section class="card stack">
      <h2>{t.contacts.tags}</h2>
      <div class="row" hidden={contact.tags.length === 0}>
        {contact.tags.map((tag) => (
          <span key={tag.id} class="tagged">
            <bdi>{tag.name}</bdi>
            {may('contacts.write') && (
              <button type="button" aria-label={`${t.common.remove} ${tag.name}`} disabled={remove.busy} onClick={() => void remove.run(tag)}>
                <Icon name="close" />
              </button>
            )}
          </span>
        ))}
      </div>
      <Trouble problem={add.problem ?? remove.problem} />
      {may('contacts.write') && (
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault()
            if (name.trim()) void add.run([name.trim()])
          }}
        >
          <input class="input" aria-label={t.contacts.addTag} placeholder={t.contacts.addTag} value={name} maxLength={100} onInput={(event) => setName(event.currentTarget.value)} />
        </form>
      )}
    </section>
  )
}
