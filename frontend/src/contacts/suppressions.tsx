// Numbers that are never written to, whoever has them: looked up, added, taken in as a list and taken away as one.
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { usePages } from '../api/pages'
import { Problem } from '../api/problem'
import { until } from '../api/until'
import { sourceName } from '../consent/permissions'
import { Button, LinkButton } from '../parts/button'
import { download } from '../parts/download'
import { Field, Tick } from '../parts/field'
import { later } from '../parts/later'
import { More } from '../parts/more'
import { Trouble } from '../parts/notice'
import { useSettled } from '../parts/settled'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Empty, Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import { PeopleRooms } from './rooms'
import './contacts.css'

type Suppression = Schemas['Suppression']
type Channel = Suppression['channel']

const PATIENCE = 30_000

export default function Suppressions() {
  const [typed, setTyped] = useState('')
  const phone = useSettled(typed.trim(), 500)
  const [gone, setGone] = useState<readonly string[]>([])
  const found = usePages((cursor) => answer(api.GET('/v1/suppressions', { params: { query: { ...(phone ? { phone } : {}), ...(cursor ? { cursor } : {}) } } })), [phone])
  const lift = (one: Suppression) => {
    setGone([...gone, one.id])
    later(
      t.suppressions.lifted,
      () => answer(api.DELETE('/v1/suppressions/{suppression_id}', { params: { path: { suppression_id: one.id } } })),
      () => setGone((before) => before.filter((id) => id !== one.id)),
    )
  }
  const acts = may('imports.manage') && (
    <LinkButton href="/contacts/imports?kind=suppressions" icon="file">
      {t.suppressions.takeIn}
    </LinkButton>
  )
  return (
    <Page title={t.people.suppressions} lead={t.suppressions.lead} acts={acts}>
      <PeopleRooms />
      {may('suppressions.manage') && (
        <div class="pair">
          <Add onAdded={() => void found.reload()} />
          <Export />
        </div>
      )}
      <input class="input" type="search" aria-label={t.suppressions.search} placeholder={t.suppressions.search} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
      <Loaded data={found.items?.filter((one) => !gone.includes(one.id))} problem={found.problem} reload={() => void found.reload()}>
        {(items) =>
          items.length === 0 && !found.hasMore ? (
            <Empty icon="stop" title={phone ? t.suppressions.notListed : t.suppressions.none}>
              <p class="soft">{t.suppressions.noneLead}</p>
            </Empty>
          ) : (
            <table class="table">
              <thead>
                <tr>
                  <th>{t.inbox.number}</th>
                  <th>{t.suppressions.what}</th>
                  <th>{t.suppressions.because}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <tr key={one.id}>
                    <td class="number">{one.phone ?? <code title={t.suppressions.hashed}>{one.hash.slice(0, 12)}…</code>}</td>
                    <td>
                      {t.channelNames[one.channel]} · {t.purposes[one.purpose]}
                    </td>
                    <td>
                      {one.source === 'list' ? t.suppressions.yours : sourceName(one.source)}
                      <div class="small soft">
                        <Time at={one.since} />
                      </div>
                    </td>
                    <td class="acts">
                      {one.source === 'list' && may('suppressions.manage') && (
                        <Button kind="quiet" onClick={() => lift(one)}>
                          {t.suppressions.lift}
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
      <More of={found} />
    </Page>
  )
}

function Add({ onAdded }: { onAdded: () => void }) {
  const [phone, setPhone] = useState('')
  const [channels, setChannels] = useState<Channel[]>(['sms', 'whatsapp'])
  const add = useAct(async () => {
    const { added } = await answer(api.POST('/v1/suppressions', { params: { header: onceKey() }, body: { phone, channels } }))
    setPhone('')
    say(added > 0 ? t.suppressions.added : t.suppressions.alreadyThere)
    onAdded()
  })
  return (
    <form
      class="card form"
      onSubmit={(event) => {
        event.preventDefault()
        void add.run()
      }}
    >
      <h2>{t.suppressions.add}</h2>
      <Field label={t.inbox.number} hint={t.contacts.numberHint} value={phone} onInput={setPhone} maxLength={64} required />
      <fieldset class="row">
        <legend>{t.suppressions.on}</legend>
        {(Object.entries(t.channelNames) as [Channel, string][]).map(([channel, name]) => (
          <Tick
            key={channel}
            label={name}
            checked={channels.includes(channel)}
            onInput={(on) => setChannels(on ? [...channels, channel] : channels.filter((one) => one !== channel))}
          />
        ))}
      </fieldset>
      <Trouble problem={add.problem} />
      <div>
        <Button type="submit" busy={add.busy} disabled={channels.length === 0}>
          {t.suppressions.addIt}
        </Button>
      </div>
    </form>
  )
}

function Export() {
  const write = useAct(async (format: 'csv' | 'json') => {
    const { id } = await answer(api.POST('/v1/suppressions/exports', { params: { header: onceKey() }, body: { format } }))
    download(await written(id))
  })
  return (
    <section class="card stack">
      <h2>{t.suppressions.export}</h2>
      <p class="soft">{t.suppressions.exportLead}</p>
      <Trouble problem={write.problem} />
      <div class="row">
        {(['csv', 'json'] as const).map((format) => (
          <Button key={format} icon="file" busy={write.busy} onClick={() => void write.run(format)}>
            {format.toUpperCase()}
          </Button>
        ))}
      </div>
    </section>
  )
}

/** The link to the file, once it is written. */
async function written(id: string): Promise<{ url: string }> {
  let absent: Problem | undefined
  const ask = async () => {
    try {
      return await answer(api.GET('/v1/suppressions/exports/{export_id}', { params: { path: { export_id: id } } }))
    } catch (thrown) {
      if (!(thrown instanceof Problem) || thrown.status !== 404) throw thrown
      absent = thrown
      return undefined
    }
  }
  const file = await until(ask, PATIENCE)
  if (!file) throw absent
  return file
}
