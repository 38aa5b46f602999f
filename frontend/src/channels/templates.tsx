import { useAct } from '../api/act'
import { answer, api, may, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { More } from '../parts/more'
import { Badge, type Tone, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Empty, Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import './channels.css'

type Template = Schemas['Template']

const TONES: Partial<Record<Template['state'], Tone>> = { approved: 'good', pending: 'plain', in_appeal: 'plain', rejected: 'bad', disabled: 'bad', paused: 'warn' }

export default function Templates() {
  const templates = usePages((cursor) => answer(api.GET('/v1/templates', { params: { query: cursor ? { cursor } : {} } })))
  const channels = useLive(() => answer(api.GET('/v1/channels', { params: { query: { limit: 100 } } })), [])
  const whatsapp = (channels.data?.items ?? []).filter((one) => one.kind === 'whatsapp' && one.state === 'active')
  const sync = useAct(async () => {
    for (const { id } of whatsapp) await answer(api.POST('/v1/templates/sync/{channel_id}', { params: { path: { channel_id: id } } }))
    say(t.templates.asked)
    setTimeout(() => void templates.reload(), 2500)
  })
  const acts = may('templates.manage') && whatsapp.length > 0 && (
    <Button busy={sync.busy} onClick={() => void sync.run()}>
      {t.templates.sync}
    </Button>
  )
  return (
    <Page title={t.shell.names['/templates']} lead={t.templates.lead} acts={acts}>
      <Trouble problem={sync.problem} />
      <Loaded data={templates.items} problem={templates.problem} reload={() => void templates.reload()}>
        {(items) =>
          items.length === 0 ? (
            <Empty icon="templates" title={t.templates.none}>
              <p class="soft">{t.templates.noneLead}</p>
            </Empty>
          ) : (
            <ul class="channels">
              {items.map((one) => (
                <Shown key={one.id} template={one} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <More of={templates} />
    </Page>
  )
}

function Shown({ template: one }: { template: Template }) {
  return (
    <li class="card stack tight">
      <span class="row apart">
        <strong class="mono">
          <bdi>{one.name}</bdi>
        </strong>
        <Badge tone={TONES[one.state] ?? 'plain'}>{t.templateStates[one.state]}</Badge>
      </span>
      {one.header?.text && (
        <strong>
          <bdi>{one.header.text}</bdi>
        </strong>
      )}
      <p class="wording">
        <bdi>{one.body.text}</bdi>
      </p>
      {one.footer && (
        <p class="small soft">
          <bdi>{one.footer}</bdi>
        </p>
      )}
      <span class="row small soft">
        {one.buttons.map((button) => (
          <Badge key={button.text}>{button.text}</Badge>
        ))}
        <span>
          {one.language} · {t.categories[one.category]} · {t.templates.changed} <Time at={one.changed_at} />
          {one.reason && ` · ${one.reason.replaceAll('_', ' ')}`}
        </span>
      </span>
    </li>
  )
}
