// What is used and what it costs, and invoices. Each line here is a line of the invoice.
import { useAct } from '../api/act'
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { save } from '../parts/download'
import { More } from '../parts/more'
import { Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { Loaded } from '../parts/waiting'
import { language, t } from '../words'

type Line = Schemas['Usage']['lines'][number]

export default function BillingSection() {
  const usage = useLive(() => answer(api.GET('/v1/billing/usage')), [])
  return (
    <>
      <section class="card stack">
        <Loaded data={usage.data} problem={usage.problem} reload={() => void usage.reload()}>
          {({ month, plan, currency, estimate, lines, days }) => (
            <>
              <div class="row apart">
                <div>
                  <h2>{t.billing.thisMonth(monthOf(month))}</h2>
                  <p class="soft">{t.billing.plan(plan)}</p>
                </div>
                <div>
                  <strong class="number">{money(estimate, currency)}</strong>
                  <p class="small soft">{t.billing.soFar}</p>
                </div>
              </div>
              <Lines lines={lines} currency={currency} />
              <Days days={days} />
              <p class="small soft">{t.billing.utc}</p>
            </>
          )}
        </Loaded>
      </section>
      <Invoices />
    </>
  )
}

function Lines({ lines, currency }: { lines: readonly Line[]; currency: string }) {
  if (lines.length === 0) return <p class="soft">{t.billing.nothingUsed}</p>
  return (
    <table class="table">
      <thead>
        <tr>
          <th>{t.billing.what}</th>
          <th class="figure">{t.billing.quantity}</th>
          <th class="figure">{t.billing.included}</th>
          <th class="figure">{t.billing.price}</th>
          <th class="figure">{t.billing.amount}</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={`${line.month}.${line.kind}.${line.detail}`}>
            <td>
              {kindName(line.kind)}
              {line.detail && (
                <span class="soft">
                  {' '}
                  · <bdi>{line.detail}</bdi>
                </span>
              )}
            </td>
            <td class="number figure" data-name={t.billing.quantity}>{line.quantity.toLocaleString(language)}</td>
            <td class="number figure" data-name={t.billing.included}>{line.included.toLocaleString(language)}</td>
            <td class="number figure" data-name={t.billing.price}>
              {money(line.price, currency)}
              {line.per > 1 && ` / ${line.per.toLocaleString(language)}`}
            </td>
            <td class="number figure" data-name={t.billing.amount}>{money(line.amount, currency)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** How much of each kind on each day: a row of bars, and the same as a table for whoever does not see it. */
function Days({ days }: { days: Schemas['Usage']['days'] }) {
  const kinds = [...new Set(days.map((one) => one.kind))]
  if (kinds.length === 0) return null
  return (
    <details>
      <summary>{t.billing.byDay}</summary>
      <table class="table">
        <thead>
          <tr>
            <th>{t.billing.day}</th>
            <th>{t.billing.what}</th>
            <th class="figure">{t.billing.quantity}</th>
          </tr>
        </thead>
        <tbody>
          {days.map((one) => (
            <tr key={`${one.day}.${one.kind}.${one.detail}`}>
              <td class="number">{one.day}</td>
              <td>
                {kindName(one.kind)} {one.detail && <bdi class="soft">{one.detail}</bdi>}
              </td>
              <td class="number figure" data-name={t.billing.quantity}>{one.quantity.toLocaleString(language)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}

function Invoices() {
  const invoices = usePages((cursor) => answer(api.GET('/v1/billing/invoices', { params: { query: cursor ? { cursor } : {} } })))
  const copy = useAct(async (id: string, number: string) => {
    const page = await answer(api.GET('/v1/billing/invoices/{invoice_id}/copy', { params: { path: { invoice_id: id } }, parseAs: 'blob' }))
    save(page as unknown as Blob, `${number}.html`)
  })
  return (
    <section class="card stack">
      <h2>{t.billing.invoices}</h2>
      <p class="soft">{t.billing.invoicesLead}</p>
      <Trouble problem={copy.problem} />
      <Loaded data={invoices.items} problem={invoices.problem} reload={() => void invoices.reload()} lines={3}>
        {(items) =>
          items.length === 0 ? (
            <p class="soft">{t.billing.noInvoices}</p>
          ) : (
            <table class="table">
              <thead>
                <tr>
                  <th>{t.billing.number}</th>
                  <th>{t.billing.month}</th>
                  <th>{t.billing.issued}</th>
                  <th class="figure">{t.billing.amount}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <tr key={one.id}>
                    <td class="number">{one.number}</td>
                    <td>{monthOf(one.month)}</td>
                    <td>
                      <Time at={one.issued_at} form="short" />
                    </td>
                    <td class="number figure">{money(one.total, one.currency)}</td>
                    <td class="acts">
                      <Button kind="quiet" busy={copy.busy} onClick={() => void copy.run(one.id, one.number)}>
                        {t.inbox.download}
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
      <More of={invoices} />
    </section>
  )
}

function kindName(kind: string): string {
  return kind in t.usageKinds ? t.usageKinds[kind as keyof typeof t.usageKinds] : kind.replaceAll('_', ' ')
}

/** "November 2026" of the first day of a month, which is a day in UTC. */
function monthOf(day: string): string {
  return new Intl.DateTimeFormat(language, { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(new Date(day))
}

/** Of minor units: cents of a dollar, whole yen. */
function money(minor: number, currency: string): string {
  const format = new Intl.NumberFormat(language, { style: 'currency', currency })
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
}
