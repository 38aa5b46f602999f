import { useLocation } from 'preact-iso'
import { useAct } from '../api/act'
import { answer, api, onceKey } from '../api/client'
import { LinkButton } from '../parts/button'
import { Page } from '../shell/page'
import { t } from '../words'
import { type Person, PersonForm } from './person_form'

const NOBODY: Person = { name: '', phone: null, email: '', fields: {} }

export default function NewContact() {
  const { route } = useLocation()
  const add = useAct(async ({ name, phone, email }: Person, fields: Record<string, string | number | boolean | null>) => {
    const body = { name, phone, email, fields, tags: [] }
    const made = await answer(api.POST('/v1/contacts', { params: { header: onceKey() }, body }))
    route(`/contacts/${made.id}`)
  })
  return (
    <Page title={t.contacts.add} lead={t.contacts.addLead} acts={<LinkButton href="/contacts">{t.contacts.toAll}</LinkButton>}>
      <PersonForm person={NOBODY} busy={add.busy} problem={add.problem} go={t.contacts.add} onSave={(person, fields) => void add.run(person, fields)} />
    </Page>
  )
}
