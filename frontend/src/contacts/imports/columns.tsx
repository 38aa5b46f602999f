// What each column of the file is. The API suggests it from headings and from what the cells look like.
import { answer, api } from '../../api/client'
import { useLive } from '../../api/live'
import { t } from '../../words'
import type { Import } from './begin'
import type { Mapping } from './describe'

type Target = Mapping[number]['to']
type Rule = NonNullable<Mapping[number]['rule']>

const SHOWN = 3
const RULED: readonly Target[] = ['name', 'first_name', 'last_name', 'email', 'time_zone', 'field']

export function Columns({ one, mapping, onChange, disabled = false }: { one: Import; mapping: Mapping; onChange: (mapping: Mapping) => void; disabled?: boolean }) {
  const own = useLive(() => answer(api.GET('/v1/fields')), [])
  const targets = (Object.entries(t.importTargets) as [Exclude<Target, 'field'>, string][]).filter(([to]) => one.kind === 'contacts' || to === 'phone')
  const choose = (column: number, chosen: string) => {
    const [to, field] = chosen.startsWith('field.') ? (['field', chosen.slice(6)] as const) : ([chosen as Target, null] as const)
    // A target stands in the mapping once: whoever gives it away takes it from the other column.
    const rest = mapping.filter((other) => other.column !== column && !(other.to === to && (other.field ?? null) === field))
    onChange(chosen ? [...rest, { column, to, field, rule: 'fill' as const }].sort((a, b) => a.column - b.column) : rest)
  }
  const rule = (column: number, given: Rule) => onChange(mapping.map((other) => (other.column === column ? { ...other, rule: given } : other)))
  return (
    <section class="card stack">
      <h2>{t.imports.columns}</h2>
      <p class="soft">{t.imports.columnsLead}</p>
      <table class="table">
        <thead>
          <tr>
            <th>{t.imports.column}</th>
            <th>{t.imports.holds}</th>
            <th>{t.imports.becomes}</th>
            <th>{t.imports.rule}</th>
          </tr>
        </thead>
        <tbody>
          {one.columns.map((name, column) => {
            const mapped = mapping.find((other) => other.column === column)
            const label = name || t.imports.columnNumber(column + 1)
            const cells = (one.sample ?? []).map((row) => row[column] ?? '').filter(Boolean)
            const value = mapped ? (mapped.to === 'field' ? `field.${mapped.field ?? ''}` : mapped.to) : ''
            return (
              <tr key={column}>
                <td>
                  <strong>
                    <bdi>{label}</bdi>
                  </strong>
                </td>
                <td class="small soft cells">
                  {cells.slice(0, SHOWN).map((cell, place) => (
                    <bdi key={place}>{cell}</bdi>
                  ))}
                </td>
                <td>
                  <select class="input" aria-label={t.imports.becomesOf(label)} value={value} disabled={disabled} onInput={(event) => choose(column, event.currentTarget.value)}>
                    <option value="">{t.imports.leaveOut}</option>
                    {targets.map(([to, shown]) => (
                      <option key={to} value={to} selected={value === to}>
                        {shown}
                      </option>
                    ))}
                    {one.kind === 'contacts' &&
                      own.data?.items.map((field) => (
                        <option key={field.key} value={`field.${field.key}`} selected={value === `field.${field.key}`}>
                          {field.label}
                        </option>
                      ))}
                  </select>
                </td>
                <td>
                  {mapped && RULED.includes(mapped.to) && (
                    <select class="input" aria-label={t.imports.ruleOf(label)} value={mapped.rule ?? 'fill'} disabled={disabled} onInput={(event) => rule(column, event.currentTarget.value as Rule)}>
                      {(Object.entries(t.importRules) as [Rule, string][]).map(([key, shown]) => (
                        <option key={key} value={key}>
                          {shown}
                        </option>
                      ))}
                    </select>
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}
