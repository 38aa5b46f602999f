import type { ComponentChildren } from 'preact'
import type { Problem } from '../api/problem'
import { t } from '../words'
import { Button } from './button'
import { Icon, type IconName } from './icon'
import { Trouble } from './notice'

/** What is shown before there is something to show. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div class="bones" role="status" aria-label={t.common.loading}>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} class="bone" />
      ))}
    </div>
  )
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** Shows `children` once there is data; before, bones or what went wrong. */
export function Loaded<T>({ data, problem, reload, lines, children }: {
  data: T | undefined
  problem: Problem | undefined
  reload?: () => void
  lines?: number
  children: (data: T) => ComponentChildren
}) {
  if (data !== undefined) return <>{children(data)}</>
  if (!problem) return <Skeleton {...(lines === undefined ? {} : { lines })} />
  return (
    <div class="stack">
      <Trouble problem={problem} />
      {reload && (
        <div>
          <Button onClick={reload}>{t.common.again}</Button>
        </div>
      )}
    </div>
  )
}
