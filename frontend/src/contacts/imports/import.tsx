// One import, by how far it is: looked at, described, tried, run, and taken back.
import { useRoute } from 'preact-iso'
import { useAct } from '../../api/act'
import { answer, api, may, tagged } from '../../api/client'
import { useLive } from '../../api/live'
import { Button, LinkButton } from '../../parts/button'
import { Badge, Notice, Trouble } from '../../parts/notice'
import { left } from '../../parts/time'
import { Loaded } from '../../parts/waiting'
import { Page } from '../../shell/page'
import { t } from '../../words'
import { type Import, look, underway } from './begin'
import { Described } from './describe'
import { Shape } from './shape'
import { TONES } from './imports'
import { Outcome } from './outcome'
import '../contacts.css'

const SOON = 1000

export default function ImportPage() {
  const id = useRoute().params.id ?? ''
  // Asked for again as long as something goes on by itself, and not while somebody fills the form in.
  const found = useLive(
    () => tagged(api.GET('/v1/imports/{import_id}', { params: { path: { import_id: id } } })),
    [id],
    ({ data }) => (underway(data) ? SOON : 0),
  )
  const one = found.data?.data
  return (
    <Page
      title={one ? one.file_name || t.imports.unnamed : t.people.imports}
      lead={one && <Badge tone={TONES[one.state] ?? 'plain'}>{t.importStates[one.state]}</Badge>}
      acts={<LinkButton href="/contacts/imports">{t.imports.toAll}</LinkButton>}
    >
      <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()} lines={8}>
        {({ data, etag }) => <Stage one={data} etag={etag} reload={found.reload} />}
      </Loaded>
    </Page>
  )
}

function Stage({ one, etag, reload }: { one: Import; etag: string; reload: () => Promise<void> }) {
  const again = useAct(async () => {
    await look(one.id, {})
    await reload()
  })
  switch (one.state) {
    case 'awaiting_file':
      return (
        <div class="stack">
          <Notice tone="warn">{t.imports.notThere}</Notice>
          <Trouble problem={again.problem} />
          <div class="row">
            <Button busy={again.busy} onClick={() => void again.run()}>
              {t.imports.lookAgain}
            </Button>
            <Cancel one={one} reload={reload} />
          </div>
        </div>
      )
    case 'failed':
      return <Notice tone="bad">{one.explanation ?? t.imports.failed}</Notice>
    case 'ready':
      return (
        <>
          <Shape one={one} reload={reload} />
          {one.checked && <Outcome one={one} counts={one.checked} trial reload={reload} />}
          <Described key={etag} one={one} etag={etag} reload={reload} />
        </>
      )
    case 'looking':
    case 'checking':
    case 'running':
    case 'undoing':
      return <Underway one={one} reload={reload} />
    default:
      return <Outcome one={one} counts={one.counts} reload={reload} />
  }
}

function Underway({ one, reload }: { one: Import; reload: () => Promise<void> }) {
  const { rows, done, rows_per_second: rate, seconds_left: seconds } = one.progress
  const running = one.state === 'running'
  return (
    <section class="card stack" aria-live="polite">
      <h2>{t.imports.underway[one.state as keyof typeof t.imports.underway]}</h2>
      <progress class="wide" aria-label={t.importStates[one.state]} {...(running && rows ? { max: rows, value: Math.min(done, rows) } : {})} />
      {running && (
        <p class="number">
          {t.imports.progress(done.toLocaleString(), rows?.toLocaleString() ?? '?')}
          {rate != null && ` · ${t.imports.rate(Math.round(rate).toLocaleString())}`}
          {seconds != null && ` · ${seconds < 60 ? t.imports.seconds(Math.ceil(seconds)) : left(seconds * 1000)}`}
        </p>
      )}
      {one.state === 'undoing' ? null : (
        <div class="row">
          <Cancel one={one} reload={reload} />
          {running && <span class="small soft">{t.imports.cancelWhat}</span>}
        </div>
      )}
    </section>
  )
}

function Cancel({ one, reload }: { one: Import; reload: () => Promise<void> }) {
  const cancel = useAct(async () => {
    await answer(api.POST('/v1/imports/{import_id}/cancel', { params: { path: { import_id: one.id } } }))
    await reload()
  })
  if (!may('imports.manage')) return null
  return (
    <>
      <Button busy={cancel.busy} onClick={() => void cancel.run()}>
        {t.imports.cancel}
      </Button>
      <Trouble problem={cancel.problem} />
    </>
  )
}
