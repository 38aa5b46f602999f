// The pages about people, beside each other.
import { may } from '../api/client'
import { Tabs } from '../parts/tabs'
import { t } from '../words'

export function PeopleRooms() {
  const pages: [string, string][] = [
    ['/contacts', t.people.everybody],
    ['/contacts/segments', t.people.segments],
  ]
  if (may('imports.read')) pages.push(['/contacts/imports', t.people.imports])
  if (may('suppressions.read')) pages.push(['/contacts/suppressions', t.people.suppressions])
  pages.push(['/contacts/duplicates', t.people.duplicates])
  return <Tabs label={t.shell.names['/contacts']} pages={pages} />
}
