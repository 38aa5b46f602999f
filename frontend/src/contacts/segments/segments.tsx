// Segments: contacts by conditions, under a name.
import { useState } from 'preact/hooks'
import { answer, api, may } from '../../api/client'
import { usePages } from '../../api/pages'
import { Button, LinkButton } from '../../parts/button'
import { later } from '../../parts/later'
import { More } from '../../parts/more'
import { Time } from '../../parts/time'
import { Empty, Loaded } from '../../parts/waiting'
import { Page } from '../../shell/page'
import { t } from '../../words'
import { PeopleRooms } from '../rooms'

export default function Segments() {
  const [gone, setGone] = useState<readonly string[]>([])
  const segments = usePages((cursor) => answer(api.GET('/v1/segments', { params: { query: cursor ? { cursor } : {} } })))
  const remove = (id: string, name: string) => {
    setGone([...gone, id])
    later(
      t.segments.gone(name),
      () => answer(api.DELETE('/v1/segments/{segment_id}', { params: { path: { segment_id: id } } })),
      () => setGone((before) => before.filter((one) => one !== id)),
    )
  }
  const acts = may('contacts.write') && (
    <LinkButton href="/contacts/segments/new" kind="primary" icon="plus">
      {t.segments.make}
    </LinkButton>
  )
  return (
    <Page title={t.people.segments} lead={t.segments.lead} acts={acts}>
      <PeopleRooms />
      <Loaded data={segments.items?.filter((one) => !gone.includes(one.id))} problem={segments.problem} reload={() => void segments.reload()} lines={4}>
        {(items) =>
          items.length === 0 && !segments.hasMore ? (
            <Empty icon="contacts" title={t.segments.none}>
              <p class="soft">{t.segments.noneLead}</p>
            </Empty>
          ) : (
            <table class="table">
              <thead>
                <tr>
                  <th>{t.segments.name}</th>
                  <th>{t.segments.made}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <tr key={one.id}>
                    <td>
                      <a href={`/contacts/segments/${one.id}`}>
                        <bdi>{one.name}</bdi>
                      </a>
                    </td>
                    <td>
                      <Time at={one.created_at} form="short" />
                    </td>
                    <td class="acts">
                      {may('contacts.write') && (
                        <Button kind="quiet" aria-label={`${t.common.remove} ${one.name}`} onClick={() => remove(one.id, one.name)}>
                          {t.common.remove}
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
      <More of={segments} />
    </Page>
  )
}
