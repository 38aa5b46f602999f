// How long everything is kept, whether that was kept, and windows of one's own that are shorter (P6).
import { useState } from 'preact/hooks'
import { useAct } from '../../api/act'
import { answer, type Answer, api, may, type Schemas, tagged } from '../../api/client'
import { useLive } from '../../api/live'
import { usePages } from '../../api/pages'
import { Button } from '../../parts/button'
import { Field } from '../../parts/field'
import { More } from '../../parts/more'
import { Badge, Notice, Trouble } from '../../parts/notice'
import { Time } from '../../parts/time'
import { say } from '../../parts/toast'
import { Loaded } from '../../parts/waiting'
import { t } from '../../words'
import { named } from './transfers'

type Retained = Answer<'/v1/retention', 'get'>
type Kind = Retained['own'][number]['kind']
type Edit = Schemas['RetentionEdit']
type Previewed = Answer<'/v1/retention/preview', 'post'>

export function Retention() {
  const found = useLive(() => tagged(api.GET('/v1/retention')), [])
  return (
    <section class="card stack" aria-label={t.retention.title}>
      <h2>{t.retention.title}</h2>
      <p class="soft">{t.retention.lead}</p>
      <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()} lines={8}>
        {({ data, etag }) => (
          <>
            <Rules rules={data.policy} />
            <Own key={etag} retained={data} etag={etag} reload={found.reload} />
            <Runs />
          </>
        )}
      </Loaded>
    </section>
  )
}

function Rules({ rules }: { rules: Retained['policy'] }) {
  return (
    <table class="table">
      <thead>
        <tr>
          <th>{t.retention.what}</th>
          <th>{t.retention.kept}</th>
          <th>{t.retention.lastSweep}</th>
          <th>{t.retention.oldest}</th>
        </tr>
      </thead>
      <tbody>
        {rules.map((one) => (
          <tr key={one.name}>
            <td>
              {one.what} <code class="small soft">{one.clause}</code>
            </td>
            <td>{one.kept}</td>
            <td>
              {one.last_run ? (
                <>
                  <Badge tone={one.kept_now === false ? 'bad' : 'good'}>{one.kept_now === false ? t.retention.late : t.retention.onTime}</Badge>{' '}
                  <span class="small soft">
                    <Time at={one.last_run.started_at} />, {t.retention.deleted(one.last_run.deleted)}
                  </span>
                </>
              ) : (
                <span class="small soft">{t.keptBy[one.kept_by]}</span>
              )}
            </td>
            <td>{one.oldest_at ? <Time at={one.oldest_at} form="short" /> : ''}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Own({ retained: { own, obeyed_from }, etag, reload }: { retained: Retained; etag: string; reload: () => Promise<void> }) {
  const [days, setDays] = useState(Object.fromEntries(own.map((one) => [one.kind, one.days === null ? '' : String(one.days)])) as Record<Kind, string>)
  const [previewed, setPreviewed] = useState<Previewed>()
  const edit = Object.fromEntries(own.map(({ kind }) => [`${kind}_days`, days[kind] === '' ? null : Number(days[kind])])) as Edit
  const look = useAct(async () => setPreviewed(await answer(api.POST('/v1/retention/preview', { body: edit }))))
  const save = useAct(async () => {
    await answer(api.PATCH('/v1/retention', { params: { header: { 'If-Match': etag } }, body: edit }))
    await reload()
    say(t.common.saved)
  })
  const manages = may('retention.manage')
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault()
        void (previewed ? save : look).run()
      }}
    >
      <h3>{t.retention.own}</h3>
      <p class="soft">{t.retention.ownLead}</p>
      {obeyed_from && (
        <Notice>
          {t.retention.obeyedFrom} <Time at={obeyed_from} />.
        </Notice>
      )}
      <div class="windows">
        {own.map((one) => (
          <Field
            key={one.kind}
            label={named(t.retainedKinds, one.kind)}
            hint={one.oldest_at ? <>{t.retention.oldest}: <Time at={one.oldest_at} form="short" /></> : t.retention.upTo(one.most_days)}
            type="number"
            min={1}
            max={one.most_days}
            placeholder={t.retention.asPolicy}
            value={days[one.kind]}
            disabled={!manages}
            onInput={(value) => {
              setDays({ ...days, [one.kind]: value })
              setPreviewed(undefined)
            }}
          />
        ))}
      </div>
      {previewed && (
        <Notice tone="warn">
          <p>{t.retention.would}</p>
          <ul>
            {Object.entries(previewed).map(([kind, count]) => (
              <li key={kind}>
                {named(t.retainedKinds, kind)}: <span class="number">{count.toLocaleString()}</span>
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <Trouble problem={look.problem ?? save.problem} />
      {manages && (
        <div class="row">
          <Button type="submit" kind={previewed ? 'danger' : 'plain'} busy={look.busy || save.busy}>
            {previewed ? t.retention.choose : t.retention.preview}
          </Button>
        </div>
      )}
    </form>
  )
}

function Runs() {
  const runs = usePages((cursor) => answer(api.GET('/v1/retention/runs', { params: { query: { limit: 15, ...(cursor ? { cursor } : {}) } } })))
  return (
    <details>
      <summary>{t.retention.runs}</summary>
      <Loaded data={runs.items} problem={runs.problem} reload={() => void runs.reload()}>
        {(items) => (
          <table class="table">
            <thead>
              <tr>
                <th>{t.log.when}</th>
                <th>{t.retention.what}</th>
                <th class="figure">{t.retention.due}</th>
                <th class="figure">{t.retention.gone}</th>
                <th class="figure">{t.retention.left}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={one.id}>
                  <td>
                    <Time at={one.started_at} />
                  </td>
                  <td>
                    {named(t.retainedKinds, one.name)} {one.scope === 'own' && <Badge>{t.retention.ownBadge}</Badge>}
                  </td>
                  <td class="number figure">{one.due_before.toLocaleString()}</td>
                  <td class="number figure">{one.deleted.toLocaleString()}</td>
                  <td class="number figure">{one.due_after?.toLocaleString() ?? '…'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Loaded>
      <More of={runs} />
    </details>
  )
}
