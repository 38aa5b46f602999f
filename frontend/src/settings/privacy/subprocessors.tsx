// Who else handles the data, and on what that rests: the record that the policy's own list is written from.
import { answer, api } from '../../api/client'
import { useLive } from '../../api/live'
import { Loaded } from '../../parts/waiting'
import { t } from '../../words'

export function Subprocessors() {
  const record = useLive(() => answer(api.GET('/v1/processing-record')), [])
  return (
    <section class="card stack" aria-label={t.subprocessors.title}>
      <h2>{t.subprocessors.title}</h2>
      <p class="soft">{t.subprocessors.lead}</p>
      <Loaded data={record.data} problem={record.problem} reload={() => void record.reload()} lines={5}>
        {({ recipients, activities }) => (
          <>
            <table class="table">
              <thead>
                <tr>
                  <th>{t.subprocessors.who}</th>
                  <th>{t.subprocessors.country}</th>
                  <th>{t.subprocessors.gets}</th>
                  <th>{t.subprocessors.rests}</th>
                </tr>
              </thead>
              <tbody>
                {recipients.map((one) => (
                  <tr key={one.key}>
                    <td>{one.name}</td>
                    <td>{one.country}</td>
                    <td>{[...new Set(activities.filter((activity) => activity.shared.includes(one.key)).map((activity) => activity.purpose))].join(', ')}</td>
                    <td>
                      {one.mechanism}
                      <div class="small">
                        <a href={one.link} rel="noreferrer">
                          {one.document}
                        </a>
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            <p class="small">
              <a href="/subprocessors">{t.subprocessors.public}</a>
            </p>
          </>
        )}
      </Loaded>
    </section>
  )
}
