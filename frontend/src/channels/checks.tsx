import { Badge, type Tone } from '../parts/notice'
import { Icon, type IconName } from '../parts/icon'
import { t } from '../words'
import type { Schemas } from '../api/client'

type Channel = Schemas['Channel']
type Check = Schemas['Check']

const SIGNS: Record<Check['state'], IconName> = { passed: 'check', failed: 'warning', advice: 'info', skipped: 'clock' }

/** What the live test looked at, and what to do where it found something. */
export function Checks({ checks }: { checks: Check[] }) {
  return (
    <ul class="checks">
      {checks.map(({ check, state, trouble }) => (
        <li key={check} class={state}>
          <Icon name={SIGNS[state]} />
          <span>
            <span>{t.checks[check]}</span> <span class="unseen">{t.checkStates[state]}</span>
            {trouble && (
              <span class="told">
                {trouble.cause} {trouble.remedy}
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  )
}

/** In one word how a channel does. */
export function Health({ channel: { state, checks, quiet_until } }: { channel: Channel }) {
  const [tone, word]: [Tone, string] =
    state === 'disconnected'
      ? ['plain', t.channels.disconnected]
      : checks?.some((one) => one.state === 'failed')
        ? ['bad', t.channels.broken]
        : quiet_until && Date.parse(quiet_until) > Date.now()
          ? ['warn', t.channels.quiet]
          : checks?.some((one) => one.state === 'advice')
            ? ['warn', t.channels.advised]
            : checks
              ? ['good', t.channels.works]
              : ['plain', t.channels.untested]
  return <Badge tone={tone}>{word}</Badge>
}
