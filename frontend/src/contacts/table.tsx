// Contacts, one a line.
import type { Schemas } from '../api/client'
import { Badge } from '../parts/notice'
import { Time } from '../parts/time'
import { t } from '../words'
import { nameOf } from './name'

export function ContactTable({ contacts }: { contacts: Schemas['Contact'][] }) {
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
                <bdi>{nameOf(one)}</bdi>
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
