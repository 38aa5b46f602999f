// Who was told what about whom (P4.7): kinds of data and never the data.
import { useState } from 'preact/hooks'
import { answer, api, type Schemas } from '../../api/client'
import { usePages } from '../../api/pages'
import { More } from '../../parts/more'
import { Time } from '../../parts/time'
import { Loaded } from '../../parts/waiting'
import { t } from '../../words'

type Disclosure = Schemas['Disclosure']
type Recipient = Disclosure['recipient']

export function Transfers() {
  const [recipient, setRecipient] = useState<'' | Recipient>('')
  const told = usePages(
    (cursor) => answer(api.GET('/v1/disclosures', { params: { query: { limit: 15, ...(recipient ? { recipient } : {}), ...(cursor ? { cursor } : {}) } } })),
    [recipient],
  )
  return (
    <section class="card stack" aria-label={t.transfers.title}>
      <div class="row apart">
        <h2>{t.transfers.title}</h2>
        <select class="input narrow" aria-label={t.transfers.to} value={recipient} onInput={(event) => setRecipient(event.currentTarget.value as '' | Recipient)}>
          <option value="">{t.transfers.anybody}</option>
          {Object.entries(t.recipients).map(([key, name]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <p class="soft">{t.transfers.lead}</p>
      <Loaded data={told.items} problem={told.problem} reload={() => void told.reload()} lines={4}>
        {(items) => (items.length === 0 ? <p class="soft">{t.transfers.none}</p> : <TransferTable items={items} />)}
      </Loaded>
      <More of={told} />
    </section>
  )
}

function TransferTable({ items }: { items: readonly Disclosure[] }) {
  return (
    <table class="table">
      <thead>
        <tr>
          <th>{t.log.when}</th>
          <th>{t.transfers.to}</th>
          <th>{t.transfers.what}</th>
          <th>{t.transfers.why}</th>
          <th>{t.transfers.about}</th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={one.id}>
            <td>
              <Time at={one.disclosed_at} />
            </td>
            <td>{named(t.recipients, one.recipient)}</td>
            <td>{one.data_kinds.map((kind) => named(t.dataKinds, kind)).join(', ')}</td>
            <td>{named(t.transferPurposes, one.purpose)}</td>
            <td>{one.contact_id ? <a href={`/contacts/${one.contact_id}`}>{t.transfers.person}</a> : t.exports.everything}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The word for a closed word of the API's, or that word itself where there is none yet. */
export function named(words: Readonly<Record<string, string>>, key: string): string {
  return words[key] ?? key.replaceAll('_', ' ')
}
