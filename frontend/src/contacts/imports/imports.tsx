// All imports, and the beginning of another one.
import { useLocation } from 'preact-iso'
import { useRef, useState } from 'preact/hooks'
import { useAct } from '../../api/act'
import { answer, api, may, type Schemas } from '../../api/client'
import { usePages } from '../../api/pages'
import { Button } from '../../parts/button'
import { Select, Tick } from '../../parts/field'
import { More } from '../../parts/more'
import { Badge, type Tone, Trouble } from '../../parts/notice'
import { Time } from '../../parts/time'
import { Empty, Loaded } from '../../parts/waiting'
import { Page } from '../../shell/page'
import { t } from '../../words'
import { PeopleRooms } from '../rooms'
import { begin, type Import } from './begin'

type Kind = Import['kind']
type Channel = NonNullable<Schemas['Begin']['channels']>[number]

export const TONES: Partial<Record<Import['state'], Tone>> = { done: 'good', failed: 'bad', ready: 'warn' }

export default function Imports() {
  const imports = usePages((cursor) => answer(api.GET('/v1/imports', { params: { query: cursor ? { cursor } : {} } })))
  return (
    <Page title={t.people.imports} lead={t.imports.lead}>
      <PeopleRooms />
      {may('imports.manage') && <Begin />}
      <Loaded data={imports.items} problem={imports.problem} reload={() => void imports.reload()} lines={5}>
        {(items) =>
          items.length === 0 && !imports.hasMore ? (
            <Empty icon="file" title={t.imports.none}>
              <p class="soft">{t.imports.noneLead}</p>
            </Empty>
          ) : (
            <Table imports={items} />
          )
        }
      </Loaded>
      <More of={imports} />
    </Page>
  )
}

function Begin() {
  const { route } = useLocation()
  const [kind, setKind] = useState<Kind>(new URLSearchParams(location.search).get('kind') === 'suppressions' ? 'suppressions' : 'contacts')
  const [channels, setChannels] = useState<Channel[]>(['sms', 'whatsapp'])
  const input = useRef<HTMLInputElement>(null)
  const upload = useAct(async (file: File) => route(`/contacts/imports/${await begin(file, kind, channels)}`))
  const toggle = (channel: Channel, on: boolean) => setChannels(on ? [...channels, channel] : channels.filter((one) => one !== channel))
  return (
    <section class="card form">
      <h2>{t.imports.begin}</h2>
      <Select label={t.imports.kind} hint={t.imports.kindHints[kind]} value={kind} options={Object.entries(t.imports.kinds) as [Kind, string][]} onInput={setKind} />
      {kind === 'suppressions' && (
        <fieldset class="stack tight">
          <legend>{t.suppressions.on}</legend>
          {(Object.entries(t.channelNames) as [Channel, string][]).map(([channel, name]) => (
            <Tick key={channel} label={name} checked={channels.includes(channel)} onInput={(on) => toggle(channel, on)} />
          ))}
        </fieldset>
      )}
      <Trouble problem={upload.problem} />
      <div>
        <input
          ref={input}
          type="file"
          hidden
          accept=".csv,.tsv,.txt,text/csv,text/plain,text/tab-separated-values"
          aria-label={t.imports.choose}
          onInput={(event) => {
            const file = event.currentTarget.files?.[0]
            event.currentTarget.value = ''
            if (file) void upload.run(file)
          }}
        />
        <Button kind="primary" icon="file" busy={upload.busy} disabled={kind === 'suppressions' && channels.length === 0} onClick={() => input.current?.click()}>
          {upload.busy ? t.imports.uploading : t.imports.choose}
        </Button>
      </div>
    </section>
  )
}

function Table({ imports }: { imports: Import[] }) {
  return (
    <table class="table">
      <thead>
        <tr>
          <th>{t.imports.file}</th>
          <th>{t.members.state}</th>
          <th class="figure">{t.imports.rows}</th>
          <th>{t.log.when}</th>
        </tr>
      </thead>
      <tbody>
        {imports.map((one) => (
          <tr key={one.id}>
            <td>
              <a href={`/contacts/imports/${one.id}`}>
                <bdi>{one.file_name || t.imports.unnamed}</bdi>
              </a>
              <div class="small soft">{t.imports.kinds[one.kind]}</div>
            </td>
            <td>
              <Badge tone={TONES[one.state] ?? 'plain'}>{t.importStates[one.state]}</Badge>
            </td>
            <td class="number figure">{one.progress.rows?.toLocaleString() ?? ''}</td>
            <td>
              <Time at={one.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
