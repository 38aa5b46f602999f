// Who may do what, as the API's own contract says: it holds the table that the API goes by, and this page none.
import { useLive } from '../api/live'
import { Problem } from '../api/problem'
import { Icon } from '../parts/icon'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

const ROLES = ['owner', 'admin', 'agent', 'viewer'] as const

interface Operation {
  summary?: string
  'x-action'?: string
  'x-roles'?: string[]
  'x-confirmed'?: boolean
}

interface Permitted {
  action: string
  roles: readonly string[]
  /** What it allows, in the words of the contract. */
  what: string[]
  confirmed: boolean
}

export default function PermissionsSection() {
  const contract = useLive(async () => {
    const answer = await fetch('/openapi.json')
    if (!answer.ok) throw new Problem(answer.status, 'no_contract', t.problem.broken)
    return permitted((await answer.json()) as { paths: Record<string, Record<string, Operation>> })
  }, [])
  return (
    <section class="card stack">
      <p class="soft">{t.permissions.lead}</p>
      <Loaded data={contract.data} problem={contract.problem} reload={() => void contract.reload()} lines={12}>
        {(actions) => (
          <table class="table matrix">
            <thead>
              <tr>
                <th>{t.permissions.action}</th>
                {ROLES.map((role) => (
                  <th key={role} class="mark">
                    {t.roles[role]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {actions.map((one) => (
                <tr key={one.action}>
                  <td>
                    <details>
                      <summary>
                        {one.action in t.actions ? t.actions[one.action as keyof typeof t.actions] : one.action} <code class="small soft">{one.action}</code>
                      </summary>
                      <ul class="small soft">
                        {one.what.map((summary) => (
                          <li key={summary}>{summary}</li>
                        ))}
                      </ul>
                      {one.confirmed && <p class="small soft">{t.permissions.confirmed}</p>}
                    </details>
                  </td>
                  {ROLES.map((role) => (
                    <td key={role} class="mark" data-role={t.roles[role]}>
                      {one.roles.includes(role) ? (
                        <>
                          <Icon name="check" />
                          <span class="unseen">{t.yesNo.yes}</span>
                        </>
                      ) : (
                        <>
                          <span aria-hidden="true" class="soft">
                            –
                          </span>
                          <span class="unseen">{t.yesNo.no}</span>
                        </>
                      )}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Loaded>
    </section>
  )
}

function permitted({ paths }: { paths: Record<string, Record<string, Operation>> }): Permitted[] {
  const found = new Map<string, Permitted>()
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    const action = operation['x-action']
    if (!action) continue
    const one = found.get(action) ?? { action, roles: operation['x-roles'] ?? [], what: [], confirmed: false }
    if (operation.summary) one.what.push(operation.summary)
    one.confirmed ||= operation['x-confirmed'] === true
    found.set(action, one)
  }
  return [...found.values()].sort((one, other) => (one.action < other.action ? -1 : 1))
}
