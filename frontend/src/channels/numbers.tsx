// Search for a number and buy it, with an account that is connected or with one that is brought along.
import { useLocation } from 'preact-iso'
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, onceKey, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Button, LinkButton } from '../parts/button'
import { Field, Select } from '../parts/field'
import { Badge, Notice, Trouble } from '../parts/notice'
import { Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'
import { finished } from './task'
import './channels.css'

type Using = Schemas['NumberSearch']['using']
type Kind = 'local' | 'mobile' | 'toll_free'

const OWN = 'own'

export default function Numbers() {
  const channels = useLive(() => answer(api.GET('/v1/channels', { params: { query: { limit: 100 } } })), [])
  return (
    <Page title={t.channels.find} lead={t.channels.findLead} acts={<LinkButton href="/channels">{t.channels.all}</LinkButton>}>
      <Loaded data={channels.data} problem={channels.problem} reload={() => void channels.reload()}>
        {({ items }) => <Search accounts={items.filter((one) => one.kind === 'sms' && one.state === 'active')} />}
      </Loaded>
    </Page>
  )
}

function Search({ accounts }: { accounts: Schemas['Channel'][] }) {
  const byAccount = [...new Map(accounts.map((one) => [one.account_sid, one])).values()]
  const [account, setAccount] = useState(byAccount[0]?.id ?? OWN)
  const [sid, setSid] = useState('')
  const [token, setToken] = useState('')
  const [country, setCountry] = useState('US')
  const [kind, setKind] = useState<Kind>('local')
  const [areaCode, setAreaCode] = useState('')
  const [found, setFound] = useState<Schemas['Offer'][]>()
  const using: Using = account === OWN ? { account_sid: sid.trim(), auth_token: token.trim() } : { channel_id: account }
  const search = useAct(async () => {
    setFound(undefined)
    const body = { using, country: country.trim().toUpperCase(), kind, ...(areaCode ? { area_code: areaCode } : {}) }
    const task = await finished(await answer(api.POST('/v1/channels/number-searches', { params: { header: onceKey() }, body })))
    setFound(task.numbers ?? [])
  })
  const options = [...byAccount.map((one) => [one.id, one.account_sid ?? ''] as const), [OWN, t.channels.otherAccount] as const]
  return (
    <>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void search.run()
        }}
      >
        <Select label={t.channels.account} value={account} options={options} onInput={setAccount} />
        {account === OWN && (
          <>
            <Field label={t.channels.accountSid} value={sid} onInput={setSid} placeholder="AC…" autocomplete="off" required />
            <Field label={t.channels.authToken} hint={t.channels.authTokenHint} type="password" value={token} onInput={setToken} autocomplete="off" required />
          </>
        )}
        <Field label={t.channels.country} hint={t.channels.countryHint} value={country} onInput={setCountry} maxLength={2} required />
        <Select label={t.channels.kind} value={kind} options={Object.entries(t.numberKinds) as [Kind, string][]} onInput={setKind} />
        <Field label={t.channels.areaCode} value={areaCode} onInput={setAreaCode} maxLength={5} pattern="[0-9]{2,5}" />
        <Trouble problem={search.problem} />
        <div>
          <Button kind="primary" type="submit" icon="search" busy={search.busy}>
            {t.channels.search}
          </Button>
        </div>
      </form>
      {found && <Offers offers={found} using={using} />}
    </>
  )
}

function Offers({ offers, using }: { offers: Schemas['Offer'][]; using: Using }) {
  const { route } = useLocation()
  const buy = useAct(async (number: string) => {
    const asked = api.POST('/v1/channels/number-purchases', { params: { header: onceKey() }, body: { using, number } })
    const { bought } = await finished(await answer(asked))
    route(bought ? `/channels/${bought}` : '/channels')
  })
  if (offers.length === 0) return <Notice>{t.channels.noOffers}</Notice>
  return (
    <section class="stack">
      <h2>{t.channels.offers}</h2>
      <p class="soft">{t.channels.price}</p>
      <Trouble problem={buy.problem} />
      <table class="table">
        <thead>
          <tr>
            <th>{t.channels.number}</th>
            <th>{t.channels.place}</th>
            <th />
            <th />
          </tr>
        </thead>
        <tbody>
          {offers.map((one) => (
            <tr key={one.number}>
              <td class="number">{one.number}</td>
              <td>
                <bdi>{[one.locality, one.region].filter(Boolean).join(', ')}</bdi>
              </td>
              <td>
                <span class="row">
                  {one.mms && <Badge>MMS</Badge>}
                  {one.voice && <Badge>{t.channels.voice}</Badge>}
                  {one.address_required && <Badge tone="warn">{t.channels.addressRequired}</Badge>}
                </span>
              </td>
              <td class="acts">
                <Button busy={buy.busy} onClick={() => void buy.run(one.number)} aria-label={`${t.channels.buy} ${one.number}`}>
                  {t.channels.buy}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
