// One segment: its conditions, how many they are true of, and who.
import { useLocation, useRoute } from 'preact-iso'
import { useState } from 'preact/hooks'
import { useAct } from '../../api/act'
import { answer, api, may, onceKey, type Schemas, tagged } from '../../api/client'
import { useLive } from '../../api/live'
import { usePages } from '../../api/pages'
import { Button, LinkButton } from '../../parts/button'
import { Field } from '../../parts/field'
import { More } from '../../parts/more'
import { Trouble } from '../../parts/notice'
import { useSettled } from '../../parts/settled'
import { say } from '../../parts/toast'
import { Loaded } from '../../parts/waiting'
import { Page } from '../../shell/page'
import { t } from '../../words'
import { ManyAtOnce } from '../bulk'
import { nameOf } from '../name'
import { ContactTable } from '../table'
import { Builder } from './builder'
import { fresh, fromJson, type Group, part, toJson, whole } from './tree'
import '../contacts.css'

type Segment = Schemas['Segment']

const back = () => <LinkButton href="/contacts/segments">{t.segments.toAll}</LinkButton>

export function NewSegment() {
  const { route } = useLocation()
  const make = useAct(async (name: string, condition: Segment['condition']) => {
    const { id } = await answer(api.POST('/v1/segments', { params: { header: onceKey() }, body: { name, condition } }))
    route(`/contacts/segments/${id}`, true)
  })
  const beginning: Group = { mode: 'all', parts: [part(fresh('last_message_at', []))] }
  return (
    <Page title={t.segments.make} lead={t.segments.lead} acts={back()}>
      <Form name="" group={beginning} busy={make.busy} problem={make.problem} onSave={(name, condition) => void make.run(name, condition)} />
    </Page>
  )
}

export function SegmentPage() {
  const id = useRoute().params.id ?? ''
  const path = { segment_id: id }
  const found = useLive(() => tagged(api.GET('/v1/segments/{segment_id}', { params: { path } })), [id])
  const save = useAct(async (name: string, condition: Segment['condition']) => {
    const params = { path, header: { 'If-Match': found.data?.etag ?? '' } }
    await answer(api.PATCH('/v1/segments/{segment_id}', { params, body: { name, condition } }))
    await found.reload()
    say(t.common.saved)
  })
  return (
    <Page title={found.data?.data.name ?? t.people.segments} acts={back()}>
      <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()}>
        {({ data, etag }) => (
          <>
            <Form key={id} name={data.name} group={fromJson(data.condition)} busy={save.busy} problem={save.problem} onSave={(name, condition) => void save.run(name, condition)} />
            <Members id={id} fresh={etag} />
          </>
        )}
      </Loaded>
    </Page>
  )
}

function Form({ name: named, group: given, busy, problem, onSave }: {
  name: string
  group: Group
  busy: boolean
  problem: ReturnType<typeof useAct>['problem']
  onSave: (name: string, condition: Segment['condition']) => void
}) {
  const [name, setName] = useState(named)
  const [group, setGroup] = useState(given)
  const condition = toJson(group)
  const asked = useSettled(JSON.stringify(whole(group) ? condition : null), 400)
  const preview = useLive(async () => {
    const wanted = JSON.parse(asked) as Segment['condition'] | null
    return wanted && answer(api.POST('/v1/segments/preview', { body: { condition: wanted } }))
  }, [asked])
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault()
        onSave(name, condition)
      }}
    >
      <Field label={t.segments.name} value={name} onInput={setName} maxLength={100} required disabled={!may('contacts.write')} />
      <Builder group={group} onChange={setGroup} />
      <div role="status">
        {preview.problem ? (
          <Trouble problem={preview.problem} />
        ) : (
          <p>
            <strong class="number">{preview.data ? counted(preview.data.count) : t.segments.unfinished}</strong>
            {preview.data && preview.data.contacts.length > 0 && (
              <span class="small soft">
                {' '}
                {t.segments.such}{' '}
                {preview.data.contacts.slice(0, 5).map((one, place) => (
                  <span key={one.id}>
                    {place > 0 && ', '}
                    <a href={`/contacts/${one.id}`}>
                      <bdi>{nameOf(one)}</bdi>
                    </a>
                  </span>
                ))}
              </span>
            )}
          </p>
        )}
      </div>
      <Trouble problem={problem} />
      {may('contacts.write') && (
        <div>
          <Button kind="primary" type="submit" busy={busy} disabled={!whole(group)}>
            {t.common.save}
          </Button>
        </div>
      )}
    </form>
  )
}

function counted({ contacts, exact, margin }: Schemas['Count']): string {
  return exact ? t.segments.count(contacts) : t.segments.roughly(contacts.toLocaleString(), margin.toLocaleString())
}

function Members({ id, fresh }: { id: string; fresh: string }) {
  const members = usePages(
    (cursor) => answer(api.GET('/v1/segments/{segment_id}/contacts', { params: { path: { segment_id: id }, query: cursor ? { cursor } : {} } })),
    [id, fresh],
  )
  const tags = useLive(() => answer(api.GET('/v1/tags')), [])
  return (
    <section class="stack">
      <h2>{t.segments.members}</h2>
      <ManyAtOnce chosen={{ segment_id: id }} tags={tags.data?.items ?? []} />
      <Loaded data={members.items} problem={members.problem} reload={() => void members.reload()}>
        {(items) => (items.length === 0 && !members.hasMore ? <p class="soft">{t.contacts.noneFit}.</p> : <ContactTable contacts={items} />)}
      </Loaded>
      <More of={members} />
    </section>
  )
}
