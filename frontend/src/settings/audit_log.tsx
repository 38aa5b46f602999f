import { answer, api, type Schemas } from '../api/client'
import { usePages } from '../api/pages'
import { More } from '../parts/more'
import { Time, zone } from '../parts/time'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

type Named = NonNullable<Schemas['Deed']['target']>

export default function AuditLogSection() {
  const log = usePages((cursor) => answer(api.GET('/v1/audit-log', { params: { query: cursor ? { cursor } : {} } })))
  return (
    <>
      <p class="small soft">{t.common.timesIn(zone())}</p>
      <Loaded data={log.items} problem={log.problem} reload={() => void log.reload()} lines={10}>
        {(items) => (
          <table class="table">
            <thead>
              <tr>
                <th>{t.log.when}</th>
                <th>{t.log.who}</th>
                <th>{t.log.what}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={one.id}>
                  <td>
                    <Time at={one.occurred_at} />
                  </td>
                  <td>
                    <Who named={one.actor} />
                  </td>
                  <td>
                    {t.deeds[one.action]} {one.target?.name && <bdi>{one.target.name}</bdi>}
                    {Object.keys(one.details).length > 0 && (
                      <div class="small soft">
                        {Object.entries(one.details)
                          .map(([key, value]) => `${key.replaceAll('_', ' ')}: ${value}`)
                          .join(' · ')}
                      </div>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Loaded>
      <More of={log} />
    </>
  )
}

function Who({ named }: { named: Named }) {
  if (named.name) return <bdi>{named.name}</bdi>
  return <span class="soft">{named.kind in t.log.kinds ? t.log.kinds[named.kind as keyof typeof t.log.kinds] : named.kind.replaceAll('_', ' ')}</span>
}
