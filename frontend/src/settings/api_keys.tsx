import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { type Action, answer, api, myself, onceKey, type Schemas } from '../api/client'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { Copyable } from '../parts/copy'
import { Field, Tick } from '../parts/field'
import { More } from '../parts/more'
import { Badge, Notice, Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

type Key = Schemas['ApiKey']

export default function ApiKeysSection() {
  const keys = usePages((cursor) => answer(api.GET('/v1/api-keys', { params: { query: cursor ? { cursor } : {} } })))
  const [shown, setShown] = useState<Schemas['ShownKey']>()
  const made = (key: Schemas['ShownKey']) => {
    setShown(key)
    void keys.reload()
  }
  return (
    <>
      {shown && (
        <Notice tone="good">
          <div class="stack tight">
            <strong>{t.keys.shownOnce}</strong>
            <Copyable text={shown.key} label={t.keys.key} />
          </div>
        </Notice>
      )}
      <Make onMade={made} />
      <section class="card stack">
        <h2>{t.settings.sections['api-keys']}</h2>
        <Loaded data={keys.items} problem={keys.problem} reload={() => void keys.reload()}>
          {(items) =>
            items.length === 0 ? (
              <p class="soft">{t.keys.none}</p>
            ) : (
              <table class="table">
                <thead>
                  <tr>
                    <th>{t.keys.name}</th>
                    <th>{t.keys.may}</th>
                    <th>{t.keys.used}</th>
                    <th />
                  </tr>
                </thead>
                <tbody>
                  {items.map((one) => (
                    <Line key={one.id} apiKey={one} onMade={made} reload={keys.reload} />
                  ))}
                </tbody>
              </table>
            )
          }
        </Loaded>
        <More of={keys} />
      </section>
    </>
  )
}

function Make({ onMade }: { onMade: (key: Schemas['ShownKey']) => void }) {
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<readonly Action[]>(['conversations.read'])
  const [until, setUntil] = useState('')
  const make = useAct(async () => {
    const body = { name, scopes: [...scopes], ...(until ? { expires_at: new Date(`${until}T23:59:59`).toISOString() } : {}) }
    onMade(await answer(api.POST('/v1/api-keys', { params: { header: onceKey() }, body })))
    setName('')
  })
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault()
        void make.run()
      }}
    >
      <h2>{t.keys.make}</h2>
      <Trouble problem={make.problem} />
      <div class="form">
        <Field label={t.keys.name} hint={t.keys.nameHint} value={name} onInput={setName} maxLength={100} required />
        <Field label={t.keys.until} hint={t.keys.untilHint} type="date" value={until} onInput={setUntil} />
      </div>
      <fieldset>
        <legend>{t.keys.may}</legend>
        <div class="scopes">
          {myself().may.map((action) => (
            <Tick
              key={action}
              label={t.actions[action]}
              hint={action}
              checked={scopes.includes(action)}
              onInput={(on) => setScopes(on ? [...scopes, action] : scopes.filter((one) => one !== action))}
            />
          ))}
        </div>
      </fieldset>
      <div>
        <Button kind="primary" type="submit" busy={make.busy} disabled={scopes.length === 0}>
          {t.keys.make}
        </Button>
      </div>
    </form>
  )
}

function Line({ apiKey: one, onMade, reload }: { apiKey: Key; onMade: (key: Schemas['ShownKey']) => void; reload: () => Promise<void> }) {
  const path = { key_id: one.id }
  const rotate = useAct(async () => {
    onMade(await answer(api.POST('/v1/api-keys/{key_id}/rotate', { params: { path, header: onceKey() }, body: { overlap_hours: 24 } })))
  })
  const revoke = useAct(async () => {
    await answer(api.DELETE('/v1/api-keys/{key_id}', { params: { path } }))
    await reload()
  })
  const over = one.revoked_at !== null || (one.expires_at !== null && Date.parse(one.expires_at) < Date.now())
  return (
    <tr>
      <td>
        <bdi>{one.name}</bdi> {over && <Badge>{t.keys.over}</Badge>}
        <div class="small soft">
          <code>{one.prefix}</code>
        </div>
        <Trouble problem={rotate.problem ?? revoke.problem} />
      </td>
      <td class="small">{one.scopes.join(', ')}</td>
      <td>{one.last_used_at ? <Time at={one.last_used_at} /> : t.common.never}</td>
      <td class="acts">
        {!over && (
          <>
            {one.user_id === myself().id && (
              <Button kind="quiet" busy={rotate.busy} onClick={() => void rotate.run()} title={t.keys.rotateWhat}>
                {t.keys.rotate}
              </Button>
            )}
            <Button kind="quiet" busy={revoke.busy} onClick={() => void revoke.run()}>
              {t.keys.revoke}
            </Button>
          </>
        )}
      </td>
    </tr>
  )
}
