import type { ComponentChildren } from 'preact'
import { useLocation, useRoute } from 'preact-iso'
import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas, tagged } from '../api/client'
import { useLive } from '../api/live'
import { Button, LinkButton } from '../parts/button'
import { Copyable } from '../parts/copy'
import { Dialog } from '../parts/dialog'
import { Field, Switch } from '../parts/field'
import { Notice, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import { Checks, Health } from './checks'
import { Forms } from './forms'
import { finished } from './task'
import { VerifyToken } from './verify_token'
import './channels.css'

type Channel = Schemas['Channel']

interface Given {
  channel: Channel
  etag: string
  reload: () => Promise<void>
}

export default function ChannelPage() {
  const id = useRoute().params.id ?? ''
  const params = { path: { channel_id: id } }
  const found = useLive(() => tagged(api.GET('/v1/channels/{channel_id}', { params })), [id], 5000)
  const channel = found.data?.data
  return (
    <Page
      title={channel ? channel.name || channel.number || t.channelKinds[channel.kind] : t.shell.names['/channels']}
      lead={channel && <Summary channel={channel} />}
      acts={<LinkButton href="/channels">{t.channels.all}</LinkButton>}
    >
      <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()}>
        {({ data, etag }) => <Parts channel={data} etag={etag} reload={found.reload} />}
      </Loaded>
    </Page>
  )
}

function Summary({ channel: one }: { channel: Channel }) {
  return (
    <span class="row">
      {t.channelKinds[one.kind]} <span class="number">{one.number}</span> <Health channel={one} />
    </span>
  )
}

function Parts(given: Given) {
  const { channel } = given
  const manages = may('channels.manage') && channel.state === 'active'
  return (
    <>
      {channel.state === 'disconnected' && channel.disconnected_at && (
        <Notice>
          {t.channels.disconnectedOn} <Time at={channel.disconnected_at} />. {channel.kind === 'sms' && t.channels.comesBack}
        </Notice>
      )}
      <Test {...given} manages={manages} />
      <section class="card stack">
        <h2>{t.channels.address}</h2>
        <p class="soft">{channel.kind === 'sms' ? t.channels.addressLead : t.channels.metaAddressLead}</p>
        <Copyable text={channel.webhook_url} label={t.channels.address} />
        {manages && channel.kind !== 'sms' && <VerifyToken channel={channel.id} />}
      </section>
      {channel.kind === 'lead_ads' && <Forms channel={channel.id} />}
      {manages && (
        <>
          <Naming {...given} />
          {channel.kind === 'sms' ? <AuthToken {...given} /> : <BusinessCredentials {...given} />}
          <Ending {...given} />
        </>
      )}
    </>
  )
}

/** Checks that fail when the news of a channel goes elsewhere, which one press puts right. */
const NEWS: ReadonlySet<string> = new Set(['webhook', 'callback', 'fields', 'subscribed', 'challenge'])

function Test({ channel, reload, manages }: Given & { manages: boolean }) {
  const params = () => ({ path: { channel_id: channel.id }, header: onceKey() })
  const test = useAct(async () => {
    await finished(await answer(api.POST('/v1/channels/{channel_id}/test', { params: params() })))
    await reload()
  })
  const configure = useAct(async () => {
    await finished(await answer(api.POST('/v1/channels/{channel_id}/configure', { params: params() })))
    await reload()
    say(channel.kind === 'sms' ? t.channels.configured : t.channels.configuredMeta)
  })
  const elsewhere = channel.checks?.some((one) => NEWS.has(one.check) && one.state !== 'passed')
  return (
    <section class="card stack">
      <div class="row apart">
        <h2>{t.channels.test}</h2>
        {channel.checked_at && (
          <span class="small soft">
            {t.channels.tested} <Time at={channel.checked_at} />
          </span>
        )}
      </div>
      {channel.checks ? <Checks checks={channel.checks} /> : <p class="soft">{channel.state === 'active' ? t.channels.testing : t.channels.untested}</p>}
      <Trouble problem={test.problem ?? configure.problem} />
      {manages && (
        <div class="row">
          {elsewhere && (
            <Button kind="primary" busy={configure.busy} onClick={() => void configure.run()}>
              {channel.kind === 'sms' ? t.channels.configure : t.channels.configureMeta}
            </Button>
          )}
          <Button busy={test.busy} onClick={() => void test.run()}>
            {t.channels.testNow}
          </Button>
        </div>
      )}
    </section>
  )
}

function Naming({ channel, etag, reload }: Given) {
  const [name, setName] = useState(channel.name)
  useEffect(() => setName(channel.name), [channel.name])
  const edit = useAct(async (body: Schemas['ChannelEdit']) => {
    const params = { path: { channel_id: channel.id }, header: { 'If-Match': etag } }
    await answer(api.PATCH('/v1/channels/{channel_id}', { params, body }))
    await reload()
    say(t.common.saved)
  })
  return (
    <section class="card form">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void edit.run({ name })
        }}
      >
        <Field label={t.channels.name} value={name} onInput={setName} maxLength={100} />
        <Trouble problem={edit.problem} />
        <div>
          <Button type="submit" busy={edit.busy} disabled={name === channel.name}>
            {t.common.save}
          </Button>
        </div>
      </form>
      {channel.kind === 'sms' && (
        <Switch
          label={t.channels.answersKeywords}
          hint={t.channels.answersKeywordsHint}
          on={channel.provider_answers_keywords}
          disabled={edit.busy}
          flip={(provider_answers_keywords) => edit.run({ provider_answers_keywords })}
        />
      )}
    </section>
  )
}

function AuthToken({ channel, reload }: Given) {
  const [token, setToken] = useState('')
  return (
    <Replacing
      {...{ channel, reload }}
      title={t.channels.replace}
      lead={t.channels.replaceLead}
      body={{ ...(token ? { auth_token: token.trim() } : {}) }}
      clear={() => setToken('')}
    >
      <Field label={t.channels.authToken} type="password" value={token} onInput={setToken} autocomplete="off" required />
    </Replacing>
  )
}

function BusinessCredentials({ channel, reload }: Given) {
  const [token, setToken] = useState('')
  const [secret, setSecret] = useState('')
  return (
    <Replacing
      {...{ channel, reload }}
      title={t.channels.replaceMeta}
      lead={t.channels.replaceMetaLead}
      body={{ ...(token ? { access_token: token.trim() } : {}), ...(secret ? { app_secret: secret.trim() } : {}) }}
      clear={() => {
        setToken('')
        setSecret('')
      }}
    >
      <Field label={t.channels.accessToken} type="password" value={token} onInput={setToken} autocomplete="off" />
      <Field label={t.channels.appSecret} type="password" value={secret} onInput={setSecret} autocomplete="off" />
    </Replacing>
  )
}

interface Replacement extends Omit<Given, 'etag'> {
  title: string
  lead: string
  /** What was entered so far. */
  body: { auth_token?: string; access_token?: string; app_secret?: string }
  clear: () => void
  children: ComponentChildren
}

/** Secrets that take the place of the channel's own once the provider has taken them. */
function Replacing({ channel, reload, title, lead, body, clear, children }: Replacement) {
  const replace = useAct(async () => {
    const params = { path: { channel_id: channel.id }, header: onceKey() }
    await finished(await answer(api.POST('/v1/channels/{channel_id}/credentials', { params, body })))
    clear()
    await reload()
    say(t.channels.replaced)
  })
  return (
    <section class="card form">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void replace.run()
        }}
      >
        <h2>{title}</h2>
        <p class="soft">{lead}</p>
        <Trouble problem={replace.problem} />
        {children}
        <div>
          <Button type="submit" busy={replace.busy} disabled={Object.keys(body).length === 0}>
            {t.channels.replaceNow}
          </Button>
        </div>
      </form>
    </section>
  )
}

function Ending({ channel, etag, reload }: Given) {
  const { route } = useLocation()
  const [asked, setAsked] = useState<'disconnect' | 'release'>()
  const [typed, setTyped] = useState('')
  const path = { channel_id: channel.id }
  const disconnect = useAct(async () => {
    await answer(api.DELETE('/v1/channels/{channel_id}', { params: { path, header: { 'If-Match': etag } } }))
    setAsked(undefined)
    await reload()
  })
  const release = useAct(async () => {
    const params = { path, header: onceKey() }
    await finished(await answer(api.POST('/v1/channels/{channel_id}/release', { params, body: { confirm: typed.trim() } })))
    route('/channels')
  })
  return (
    <section class="card stack">
      <h2>{t.channels.end}</h2>
      <p class="soft">{t.channels.endLead}</p>
      <div class="row">
        <Button onClick={() => setAsked('disconnect')}>{t.channels.disconnect}</Button>
        {channel.kind === 'sms' && (
          <Button kind="danger" onClick={() => setAsked('release')}>
            {t.channels.release}
          </Button>
        )}
      </div>
      {asked === 'disconnect' && (
        <Dialog title={t.channels.disconnect} onClose={() => setAsked(undefined)}>
          <p>{t.channels.disconnectWhat}</p>
          <Trouble problem={disconnect.problem} />
          <div class="row">
            <Button kind="primary" busy={disconnect.busy} onClick={() => void disconnect.run()}>
              {t.channels.disconnect}
            </Button>
            <Button onClick={() => setAsked(undefined)}>{t.common.cancel}</Button>
          </div>
        </Dialog>
      )}
      {asked === 'release' && (
        <Dialog title={t.channels.release} onClose={() => setAsked(undefined)}>
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault()
              void release.run()
            }}
          >
            <p>{t.channels.releaseWhat}</p>
            <Trouble problem={release.problem} />
            <Field label={t.channels.typeNumber(channel.number ?? '')} value={typed} onInput={setTyped} autocomplete="off" required />
            <div class="row">
              <Button kind="danger" type="submit" busy={release.busy} disabled={typed.trim() !== channel.number}>
                {t.channels.release}
              </Button>
              <Button onClick={() => setAsked(undefined)}>{t.common.cancel}</Button>
            </div>
          </form>
        </Dialog>
      )}
    </section>
  )
}
