import type { ButtonHTMLAttributes, ComponentChildren } from 'preact'
import { Icon, type IconName } from './icon'

interface Given extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon'> {
  kind?: 'plain' | 'primary' | 'danger' | 'quiet'
  icon?: IconName
  busy?: boolean
  children: ComponentChildren
}

/** While it is busy it stays where it is and does nothing. */
export function Button({ kind = 'plain', icon, busy = false, children, ...rest }: Given) {
  return (
    <button type="button" {...rest} class={`button ${kind}`} disabled={busy || rest.disabled === true} aria-busy={busy}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  )
}

/** A sign with a name that is read aloud and shown by the pointer. */
export function IconButton({ icon, label, ...rest }: { icon: IconName; label: string; onClick: () => void; disabled?: boolean }) {
  return (
    <button type="button" class="button quiet bare" aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  )
}

export function LinkButton({ href, kind = 'plain', icon, children }: {
  href: string
  kind?: 'plain' | 'primary' | 'quiet'
  icon?: IconName
  children: ComponentChildren
}) {
  return (
    <a class={`button ${kind}`} href={href}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  )
}
