import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, myself, onceKey, type Schemas } from '../api/client'
import { type Pages, usePages } from '../api/pages'
import { Button } from '../parts/button'
import { Dialog } from '../parts/dialog'
import { Field, Select } from '../parts/field'
import { More } from '../parts/more'
import { Badge, type Tone, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { later } from '../parts/later'
import { t } from '../words'

type Role = Schemas['Member']['role']
type Member = Schemas['Member']
type Invitation = Schemas['Invitation']

const ROLES = Object.keys as (roles: Record<Role, string>) => Role[]

export default function MembersSection() {
  const members = usePages((cursor) => answer(api.GET('/v1/members', { params: { query: cursor ? { cursor } : {} } })))
  const invitations = usePages((cursor) =>
    may('members.manage') ? answer(api.GET('/v1/invitations', { params: { query: cursor ? { cursor } : {} } })) : Promise.resolve({ items: [], next: null }),
  )
  return (
    <>
      {may('members.manage') && <Invite onSent={() => void invitations.reload()} />}
      <section class="card stack">
        <h2>{t.settings.sections.members}</h2>
        <Loaded data={members.items} problem={members.problem} reload={() => void members.reload()}>
          {(items) => (
            <table class="table">
              <thead>
                <tr>
                  <th>{t.account.email}</th>
                  <th>{t.members.role}</th>
                  <th>{t.members.since}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <Line key={one.id} member={one} reload={members.reload} />
                ))}
              </tbody>
            </table>
          )}
        </Loaded>
        <More of={members} />
      </section>
      {may('members.manage') && <Invitations invitations={invitations} />}
    </>
  )
}

function Invite({ onSent }: { onSent: () => void }) {
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<Role>('agent')
  const invite = useAct(async () => {
    await answer(api.POST('/v1/invitations', { params: { header: onceKey() }, body: { email, role } }))
    setEmail('')
    onSent()
    say(t.members.invited)
  })
  return (
    <form
      class="card form"
      onSubmit={(event) => {
        event.preventDefault()
        void invite.run()
      }}
    >
      <h2>{t.members.invite}</h2>
      <Trouble problem={invite.problem} />
      <Field label={t.account.workEmail} type="email" value={email} onInput={setEmail} autocomplete="off" required />
      <Select label={t.members.role} hint={t.roleHints[role]} value={role} options={ROLES(t.roles).map((one) => [one, t.roles[one]] as const)} onInput={setRole} />
      <div>
        <Button kind="primary" type="submit" busy={invite.busy}>
          {t.members.send}
        </Button>
      </div>
    </form>
  )
}

function Line({ member: one, reload }: { member: Member; reload: () => Promise<void> }) {
  const [asked, setAsked] = useState(false)
  const params = { path: { user_id: one.id }, header: { 'If-Match': one.etag } }
  const change = useAct(async (role: Role) => {
    await answer(api.PATCH('/v1/members/{user_id}', { params, body: { role } }))
    await reload()
    say(t.common.saved)
  })
  const remove = useAct(async () => {
    await answer(api.DELETE('/v1/members/{user_id}', { params }))
    await reload()
  })
  const unblock = useAct(async () => {
    await answer(api.POST('/v1/members/{user_id}/mail/unblock', { params: { path: { user_id: one.id } } }))
    await reload()
  })
  const me = one.id === myself().id
  const manages = may('members.manage') && !me
  return (
    <tr>
      <td>
        <bdi>{one.email}</bdi> {me && <Badge>{t.members.you}</Badge>}
        {one.mail_blocked_at && (
          <span class="row small">
            <Badge tone="warn">{t.members.mailBlocked}</Badge>
            {may('members.manage') && (
              <Button kind="quiet" busy={unblock.busy} onClick={() => void unblock.run()}>
                {t.members.unblock}
              </Button>
            )}
          </span>
        )}
        <Trouble problem={change.problem ?? remove.problem ?? unblock.problem} />
      </td>
      <td>
        {manages ? (
          <select class="input" aria-label={`${t.members.role}: ${one.email}`} value={one.role} disabled={change.busy} onInput={(event) => void change.run(event.currentTarget.value as Role)}>
            {ROLES(t.roles).map((role) => (
              <option key={role} value={role} selected={role === one.role}>
                {t.roles[role]}
              </option>
            ))}
          </select>
        ) : (
          t.roles[one.role]
        )}
      </td>
      <td>
        <Time at={one.created_at} form="short" />
      </td>
      <td class="acts">
        {manages && (
          <Button kind="quiet" onClick={() => setAsked(true)} aria-label={`${t.common.remove} ${one.email}`}>
            {t.common.remove}
          </Button>
        )}
        {asked && (
          <Dialog title={t.members.removeWho(one.email)} onClose={() => setAsked(false)}>
            <p>{t.members.removeWhat}</p>
            <div class="row">
              <Button
                kind="danger"
                busy={remove.busy}
                onClick={() => {
                  setAsked(false)
                  void remove.run()
                }}
              >
                {t.common.remove}
              </Button>
              <Button onClick={() => setAsked(false)}>{t.common.cancel}</Button>
            </div>
          </Dialog>
        )}
      </td>
    </tr>
  )
}

const TONES: Record<Invitation['state'], Tone> = { open: 'warn', expired: 'plain', accepted: 'good', revoked: 'plain' }

function Invitations({ invitations }: { invitations: Pages<Invitation> }) {
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set())
  const resend = useAct(async (id: string) => {
    await answer(api.POST('/v1/invitations/{invitation_id}/resend', { params: { path: { invitation_id: id }, header: onceKey() } }))
    await invitations.reload()
    say(t.members.invited)
  })
  const revoke = ({ id, email }: Invitation) => {
    setGone(new Set([...gone, id]))
    later(
      t.members.revoked(email),
      async () => {
        await answer(api.DELETE('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: id } } }))
        await invitations.reload()
      },
      () => setGone((before) => new Set([...before].filter((one) => one !== id))),
    )
  }
  const shown = invitations.items?.filter((one) => !gone.has(one.id))
  if (shown?.length === 0 && !invitations.hasMore) return null
  return (
    <section class="card stack">
      <h2>{t.members.invitations}</h2>
      <Trouble problem={resend.problem} />
      <Loaded data={shown} problem={invitations.problem}>
        {(items) => (
          <table class="table">
            <thead>
              <tr>
                <th>{t.account.email}</th>
                <th>{t.members.role}</th>
                <th>{t.members.state}</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={one.id}>
                  <td>
                    <bdi>{one.email}</bdi> {one.mail_blocked_at && <Badge tone="warn">{t.members.mailBlocked}</Badge>}
                  </td>
                  <td>{t.roles[one.role]}</td>
                  <td>
                    <Badge tone={TONES[one.state]}>{t.invitationStates[one.state]}</Badge>{' '}
                    {one.state === 'open' && (
                      <span class="small soft">
                        {t.inbox.until} <Time at={one.expires_at} />
                      </span>
                    )}
                  </td>
                  <td class="acts">
                    {(one.state === 'open' || one.state === 'expired') && (
                      <>
                        <Button kind="quiet" busy={resend.busy} onClick={() => void resend.run(one.id)}>
                          {t.members.resend}
                        </Button>
                        {one.state === 'open' && (
                          <Button kind="quiet" onClick={() => revoke(one)}>
                            {t.members.revoke}
                          </Button>
                        )}
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Loaded>
      <More of={invitations} />
    </section>
  )
}
