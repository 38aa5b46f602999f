// One's own account: where one is logged in, how one logs in, and the way out.
import { useLocation } from 'preact-iso'
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, myself } from '../api/client'
import { useLive } from '../api/live'
import { forget } from '../api/session'
import { forgetDrafts } from '../inbox/drafts'
import { Button } from '../parts/button'
import { Dialog } from '../parts/dialog'
import { Field, Select } from '../parts/field'
import { Badge, Trouble } from '../parts/notice'
import { Time, zone } from '../parts/time'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { language, languages, speak, t } from '../words'
import { SecondFactor } from './second_factor'

export default function YouSection() {
  const { route } = useLocation()
  const out = useAct(async (everywhere: boolean) => {
    await answer(api.POST('/v1/auth/logout', { body: { everywhere } }))
    forgetDrafts()
    forget()
    route('/login', true)
  })
  return (
    <>
      <section class="card stack">
        <div class="row apart">
          <div>
            <strong>
              <bdi>{myself().email}</bdi>
            </strong>
            <p class="soft">{t.roles[myself().role]}</p>
          </div>
          <div class="row">
            <Button busy={out.busy} onClick={() => void out.run(false)}>
              {t.you.logOut}
            </Button>
            <Button kind="quiet" busy={out.busy} onClick={() => void out.run(true)}>
              {t.you.logOutAll}
            </Button>
          </div>
        </div>
        <Trouble problem={out.problem} />
        <div class="form">
          <Select label={t.you.language} hint={t.common.timesIn(zone())} value={language} options={languages} onInput={speak} />
        </div>
      </section>
      <Sessions />
      <SecondFactor />
      <Password />
      <Email />
      <Leave />
    </>
  )
}

function Sessions() {
  const sessions = useLive(() => answer(api.GET('/v1/sessions')), [])
  const end = useAct(async (id: string) => {
    await answer(api.DELETE('/v1/sessions/{session_id}', { params: { path: { session_id: id } } }))
    await sessions.reload()
  })
  const endOthers = useAct(async () => {
    await answer(api.DELETE('/v1/sessions'))
    await sessions.reload()
  })
  return (
    <section class="card stack">
      <h2>{t.you.sessions}</h2>
      <Trouble problem={end.problem ?? endOthers.problem} />
      <Loaded data={sessions.data} problem={sessions.problem} reload={() => void sessions.reload()} lines={2}>
        {({ items }) => (
          <>
            <table class="table">
              <thead>
                <tr>
                  <th>{t.you.device}</th>
                  <th>{t.you.lastUsed}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <tr key={one.id}>
                    <td>
                      <bdi>{deviceOf(one.user_agent)}</bdi> {one.current && <Badge tone="good">{t.you.thisOne}</Badge>}
                      <div class="small soft number">{one.source_ip}</div>
                    </td>
                    <td>
                      <Time at={one.last_used_at} />
                    </td>
                    <td class="acts">
                      {!one.current && (
                        <Button kind="quiet" busy={end.busy} onClick={() => void end.run(one.id)}>
                          {t.you.end}
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            {items.length > 1 && (
              <div>
                <Button busy={endOthers.busy} onClick={() => void endOthers.run()}>
                  {t.you.endOthers}
                </Button>
              </div>
            )}
          </>
        )}
      </Loaded>
    </section>
  )
}

const BROWSERS = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'] as const
const SYSTEMS = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS X', 'Linux'] as const

/** "Chrome, Linux" of what a browser says of itself; all of it where that is not understood. */
function deviceOf(agent: string): string {
  const browser = BROWSERS.find((name) => agent.includes(`${name}/`))
  const system = SYSTEMS.find((name) => agent.includes(name))
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', 'Mac OS X': 'macOS' }
  return browser && system ? `${names[browser] ?? browser}, ${names[system] ?? system}` : agent || t.you.unknownDevice
}

function Password() {
  const [now, setNow] = useState('')
  const [next, setNext] = useState('')
  const change = useAct(async () => {
    await answer(api.POST('/v1/me/password', { body: { current_password: now, new_password: next } }))
    setNow('')
    setNext('')
    say(t.you.passwordChanged)
  })
  return (
    <form
      class="card form"
      onSubmit={(event) => {
        event.preventDefault()
        void change.run()
      }}
    >
      <h2>{t.account.password}</h2>
      <Trouble problem={change.problem} />
      <input type="email" class="unseen" autocomplete="username" value={myself().email} readOnly tabIndex={-1} aria-hidden="true" />
      <Field label={t.you.currentPassword} type="password" value={now} onInput={setNow} autocomplete="current-password" required />
      <Field label={t.account.newPassword} hint={t.account.passwordHint} type="password" value={next} onInput={setNext} autocomplete="new-password" minLength={10} required />
      <div>
        <Button type="submit" busy={change.busy}>
          {t.you.changePassword}
        </Button>
      </div>
    </form>
  )
}

function Email() {
  const [email, setEmail] = useState('')
  const change = useAct(async () => {
    await answer(api.PATCH('/v1/me', { body: { email } }))
    say(t.you.emailSent(email))
    setEmail('')
  })
  return (
    <form
      class="card form"
      onSubmit={(event) => {
        event.preventDefault()
        void change.run()
      }}
    >
      <h2>{t.account.email}</h2>
      <p class="soft">{t.you.emailLead}</p>
      <Trouble problem={change.problem} />
      <Field label={t.you.newEmail} type="email" value={email} onInput={setEmail} autocomplete="email" required />
      <div>
        <Button type="submit" busy={change.busy}>
          {t.account.sendLink}
        </Button>
      </div>
    </form>
  )
}

function Leave() {
  const [asked, setAsked] = useState(false)
  const leave = useAct(async () => {
    await answer(api.DELETE('/v1/me'))
    forgetDrafts()
    forget()
  })
  return (
    <section class="card stack">
      <h2>{t.you.leave}</h2>
      <p class="soft">{t.you.leaveLead}</p>
      <div>
        <Button kind="danger" onClick={() => setAsked(true)}>
          {t.you.leave}
        </Button>
      </div>
      {asked && (
        <Dialog title={t.you.leave} onClose={() => setAsked(false)}>
          <p>{t.you.leaveWhat}</p>
          <Trouble problem={leave.problem} />
          <div class="row">
            <Button kind="danger" busy={leave.busy} onClick={() => void leave.run()}>
              {t.you.leave}
            </Button>
            <Button onClick={() => setAsked(false)}>{t.common.cancel}</Button>
          </div>
        </Dialog>
      )}
    </section>
  )
}
