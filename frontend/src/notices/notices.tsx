import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, type Schemas } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { More } from '../parts/more'
import { Badge, Notice, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Empty, Loaded } from '../parts/waiting'
import { Page } from '../shell/page'
import { t } from '../words'

type Mailbox = Schemas['Mailbox']

/** The same that is sent by mail, and whether the mail arrived. */
export default function Notices() {
  const [mailbox, setMailbox] = useState<Mailbox>()
  const [problem, setProblem] = useState<Problem>()
  const notices = usePages(async (cursor) => {
    const page = await answer(api.GET('/v1/notifications', { params: { query: cursor ? { cursor } : {} } }))
    setMailbox(page.mailbox)
    return page
  })
  const first = notices.items?.[0]
  const readAll = useAct(async () => {
    if (!first) return
    await answer(api.POST('/v1/notifications/{notification_id}/read', { params: { path: { notification_id: first.id }, query: { earlier: true } } }))
    await notices.reload()
  })
  const unblock = async () => {
    try {
      await answer(api.POST('/v1/me/mail/unblock'))
      await notices.reload()
      say(t.notices.unblocked)
    } catch (thrown) {
      setProblem(asProblem(thrown))
    }
  }
  const acts = notices.items?.some((one) => one.read_at === null) && (
    <Button busy={readAll.busy} onClick={() => void readAll.run()}>
      {t.notices.readAll}
    </Button>
  )
  return (
    <Page title={t.shell.names['/notices']} lead={t.notices.lead} acts={acts}>
      <Trouble problem={problem ?? readAll.problem} />
      {mailbox?.blocked_at && (
        <Notice tone="warn">
          <p>
            {t.notices.blocked} <Time at={mailbox.blocked_at} />.
          </p>
          <Button onClick={() => void unblock()}>{t.notices.unblock}</Button>
        </Notice>
      )}
      <Loaded data={notices.items} problem={notices.problem} reload={() => void notices.reload()}>
        {(items) =>
          items.length === 0 ? (
            <Empty icon="bell" title={t.notices.none} />
          ) : (
            <table class="table">
              <thead>
                <tr>
                  <th>{t.notices.what}</th>
                  <th>{t.notices.mail}</th>
                  <th>{t.log.when}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <tr key={one.id}>
                    <td>
                      {one.read_at === null ? <strong>{one.title}</strong> : one.title} {one.read_at === null && <Badge tone="good">{t.notices.fresh}</Badge>}
                    </td>
                    <td class="soft">{t.mailStates[one.mail.state]}</td>
                    <td>
                      <Time at={one.created_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
      <More of={notices} />
    </Page>
  )
}
