// The privacy policy: which version holds, what is announced, and who of us accepted what (P10.1).
import { signal } from '@preact/signals'
import { useAct } from '../../api/act'
import { answer, type Answer, api, may, onceKey } from '../../api/client'
import { useLive } from '../../api/live'
import { Button } from '../../parts/button'
import { Badge, Notice, Trouble } from '../../parts/notice'
import { Time } from '../../parts/time'
import { say } from '../../parts/toast'
import { Loaded } from '../../parts/waiting'
import { t } from '../../words'

type Policy = Answer<'/v1/policy', 'get'>
type Version = Policy['coming'][number]

const TEN_MINUTES = 600_000

/** Counts acceptances of this tab, so that the banner goes when the page accepts, and the other way round. */
const accepted = signal(0)

function usePolicy() {
  const policy = useLive(() => answer(api.GET('/v1/policy')), [accepted.value], TEN_MINUTES)
  const accept = useAct(async (dated: string) => {
    await answer(api.POST('/v1/policy/acceptances', { params: { header: onceKey() }, body: { dated } }))
    accepted.value += 1
    say(t.policy.accepted)
  })
  return { policy, accept }
}

/** Above every page, as long as a change is announced that nobody here has accepted. */
export default function PolicyBanner() {
  const { policy, accept } = usePolicy()
  const coming = policy.data?.coming.at(-1)
  if (!policy.data?.banner || !coming) return null
  return (
    <div class="banner" role="status">
      <span>
        {t.policy.changes} <Effective of={coming} /> <a href={textOf(coming)}>{t.policy.read}</a>
      </span>
      {may('policy.accept') && (
        <Button busy={accept.busy} onClick={() => void accept.run(coming.dated)}>
          {t.policy.accept}
        </Button>
      )}
      <Trouble problem={accept.problem} />
    </div>
  )
}

export function PolicyVersions() {
  const { policy, accept } = usePolicy()
  return (
    <section class="card stack" aria-label={t.policy.title}>
      <h2>{t.policy.title}</h2>
      <p class="soft">
        {t.policy.lead} <a href="/policy/status">{t.policy.status}</a>
      </p>
      <Trouble problem={accept.problem} />
      <Loaded data={policy.data} problem={policy.problem} reload={() => void policy.reload()} lines={3}>
        {({ present, coming, acceptances }) => (
          <>
            {present ? <Line of={present} state={<Badge tone="good">{t.policy.inForce}</Badge>} /> : <Notice tone="warn">{t.policy.none}</Notice>}
            {coming.map((one) => (
              <Line
                key={one.dated}
                of={one}
                state={
                  acceptances.some((other) => other.dated === one.dated) ? (
                    <Badge tone="good">{t.policy.acceptedBadge}</Badge>
                  ) : may('policy.accept') ? (
                    <Button busy={accept.busy} onClick={() => void accept.run(one.dated)}>
                      {t.policy.accept}
                    </Button>
                  ) : null
                }
              />
            ))}
            <h3>{t.policy.acceptances}</h3>
            <ul class="small">
              {acceptances.map((one) => (
                <li key={`${one.dated}.${one.person_id}`}>
                  <span class="number">{one.dated}</span> · <Time at={one.accepted_at} />
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </section>
  )
}

function Line({ of: one, state }: { of: Version; state: preact.ComponentChildren }) {
  return (
    <div class="row apart">
      <div>
        <a href={textOf(one)}>
          <strong class="number">{one.dated}</strong>
        </a>
        <p class="small soft">
          {one.summary} <Effective of={one} />
        </p>
      </div>
      {state}
    </div>
  )
}

function Effective({ of: { effective_at, announced_for } }: { of: Version }) {
  return (
    <>
      {effective_at ? t.policy.from : t.policy.earliest} <Time at={effective_at ?? announced_for} />.
    </>
  )
}

/** The text itself is public. */
function textOf({ dated }: Version): string {
  return `/policy/versions/${dated}`
}
