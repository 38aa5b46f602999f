import { answer, api, may, type Schemas } from '../api/client'
import { usePages } from '../api/pages'
import { LinkButton } from '../parts/button'
import { More } from '../parts/more'
import { Empty, Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import { Health } from './checks'
import './channels.css'

export default function Channels() {
  const channels = usePages((cursor) => answer(api.GET('/v1/channels', { params: { query: cursor ? { cursor } : {} } })))
  const acts = (
    <>
      <LinkButton href="/templates" icon="templates">
        {t.shell.names['/templates']}
      </LinkButton>
      {may('channels.manage') && (
        <>
          <LinkButton href="/channels/numbers" icon="search">
            {t.channels.find}
          </LinkButton>
          <LinkButton href="/channels/connect" kind="primary" icon="plus">
            {t.channels.connect}
          </LinkButton>
        </>
      )}
    </>
  )
  return (
    <Page title={t.shell.names['/channels']} lead={t.channels.lead} acts={acts}>
      <Loaded data={channels.items} problem={channels.problem} reload={() => void channels.reload()}>
        {(items) =>
          items.length === 0 ? (
            <Empty icon="channels" title={t.channels.none}>
              <p class="soft">{t.channels.noneLead}</p>
              {may('channels.manage') && (
                <LinkButton href="/channels/connect" kind="primary">
                  {t.channels.connect}
                </LinkButton>
              )}
            </Empty>
          ) : (
            <ul class="channels">
              {items.map((one) => (
                <Line key={one.id} channel={one} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <More of={channels} />
    </Page>
  )
}

function Line({ channel: one }: { channel: Schemas['Channel'] }) {
  return (
    <li>
      <a class="card" href={`/channels/${one.id}`}>
        <span class="row apart">
          <strong>
            <bdi>{one.name || one.number || t.channelKinds[one.kind]}</bdi>
          </strong>
          <Health channel={one} />
        </span>
        <span class="soft">
          {t.channelKinds[one.kind]} <span class="number">{one.name ? one.number : ''}</span>
        </span>
      </a>
    </li>
  )
}
