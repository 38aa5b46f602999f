import type { ComponentChildren } from 'preact'
import type { Problem } from '../api/problem'
import { Icon, type IconName } from './icon'

export type Tone = 'plain' | 'good' | 'warn' | 'bad'

const SIGNS: Record<Tone, IconName> = { plain: 'info', good: 'check', warn: 'warning', bad: 'warning' }

export function Notice({ tone = 'plain', icon, children }: { tone?: Tone; icon?: IconName; children: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={icon ?? SIGNS[tone]} />
      <div>{children}</div>
    </div>
  )
}

/** What went wrong, in the API's own words, and the fields it speaks of. */
export function Trouble({ problem }: { problem: Problem | undefined }) {
  if (!problem) return null
  return (
    <Notice tone="bad">
      {problem.sentence}
      {problem.fields.length > 0 && (
        <ul class="more">
          {problem.fields.map(({ field, problem: told }) => (
            <li key={field}>
              {field.replace(/^body\./, '')}: {told}
            </li>
          ))}
        </ul>
      )}
    </Notice>
  )
}

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>
}
