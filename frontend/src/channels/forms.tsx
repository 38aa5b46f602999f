// The forms of a page: where each answer goes, and what a ticked box permits.
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas, tagged } from '../api/client'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { Select, Tick } from '../parts/field'
import { Badge, Trouble } from '../parts/notice'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { t } from '../words'
import { type First, FirstMessage } from './first_message'

type Form = Schemas['LeadForm']
type Way = 'sms' | 'whatsapp' | 'email'

const WAYS: readonly Way[] = ['sms', 'whatsapp', 'email']

export function Forms({ channel }: { channel: string }) {
  const path = { channel_id: channel }
  const forms = usePages((cursor) => answer(api.GET('/v1/channels/{channel_id}/forms', { params: { path, query: cursor ? { cursor } : {} } })), [channel])
  const sync = useAct(async () => {
    await answer(api.POST('/v1/channels/{channel_id}/forms/sync', { params: { path, header: onceKey() } }))
    say(t.templates.asked)
    setTimeout(() => void forms.reload(), 2500)
  })
  return (
    <section class="card stack">
      <div class="row apart">
        <h2>{t.forms.title}</h2>
        {may('leads.manage') && (
          <Button busy={sync.busy} onClick={() => void sync.run()}>
            {t.templates.sync}
          </Button>
        )}
      </div>
      <Trouble problem={sync.problem} />
      <Loaded data={forms.items} problem={forms.problem} reload={() => void forms.reload()} lines={3}>
        {(items) => (items.length === 0 ? <p class="soft">{t.forms.none}</p> : items.map((one) => <FormLine key={one.id} channel={channel} form={one} />))}
      </Loaded>
    </section>
  )
}

function FormLine({ channel, form }: { channel: string; form: Form }) {
  const [open, setOpen] = useState(false)
  return (
    <div class="stack">
      <div class="row apart">
        <span>
          <strong>
            <bdi>{form.name}</bdi>
          </strong>{' '}
          <Badge>{t.formStates[form.state]}</Badge> <span class="small soft number">{t.forms.counts(form.fetched, form.waiting, form.failed)}</span>
        </span>
        <Button kind="quiet" onClick={() => setOpen(!open)} aria-expanded={open}>
          {open ? t.common.close : t.forms.mapping}
        </Button>
      </div>
      {open && <Mapping channel={channel} form={form} />}
    </div>
  )
}

function Mapping({ channel, form }: { channel: string; form: Form }) {
  const [mapping, setMapping] = useState(form.mapping)
  const [consents, setConsents] = useState(form.consents)
  const [first, setFirst] = useState<First>(form.first_message)
  const disabled = !may('leads.manage')
  const save = useAct(async () => {
    const path = { channel_id: channel, form_id: form.id }
    const { etag } = await tagged(api.GET('/v1/channels/{channel_id}/forms/{form_id}', { params: { path } }))
    await answer(api.PATCH('/v1/channels/{channel_id}/forms/{form_id}', { params: { path, header: { 'If-Match': etag } }, body: { mapping, consents, first_message: first } }))
    say(t.common.saved)
  })
  const targets = (own: string | undefined) => {
    const known = Object.entries(t.targets)
    return own && !(own in t.targets) ? [...known, [own, own] as [string, string]] : known
  }
  const allow = (key: string, way: Way, on: boolean) => {
    const before = consents[key] ?? []
    setConsents({ ...consents, [key]: on ? [...before, way] : before.filter((one) => one !== way) })
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        void save.run()
      }}
    >
      {form.questions.map((one) => (
        <Select
          key={one.key}
          label={one.label}
          value={mapping[one.key] ?? 'ignore'}
          options={targets(mapping[one.key])}
          disabled={disabled}
          onInput={(target) => setMapping({ ...mapping, [one.key]: target })}
        />
      ))}
      {form.disclaimer?.checkboxes.map((box) => (
        <fieldset key={box.key} class="stack tight">
          <legend>
            <bdi>{box.text}</bdi>
          </legend>
          {box.ticked_before ? (
            <p class="soft small">{t.forms.tickedBefore}</p>
          ) : (
            WAYS.map((way) => (
              <Tick key={way} label={t.forms.permits(t.channelNames[way])} checked={consents[box.key]?.includes(way) ?? false} disabled={disabled} onInput={(on) => allow(box.key, way, on)} />
            ))
          )}
        </fieldset>
      ))}
      <FirstMessage given={first} disabled={disabled} onChange={setFirst} />
      <Trouble problem={save.problem} />
      {!disabled && (
        <div>
          <Button kind="primary" type="submit" busy={save.busy}>
            {t.common.save}
          </Button>
        </div>
      )}
    </form>
  )
}
