import type { ComponentChildren, JSX } from 'preact'
import { useId, useState } from 'preact/hooks'

interface Named {
  label: string
  hint?: ComponentChildren
  wrong?: string | undefined
}

interface Given extends Named {
  value: string
  onInput: (value: string) => void
  type?: 'text' | 'email' | 'password' | 'number' | 'date'
  autocomplete?: string
  placeholder?: string
  required?: boolean
  disabled?: boolean
  minLength?: number
  maxLength?: number
  min?: number
  max?: number
  pattern?: string
  list?: string
}

export function Field({ label, hint, wrong, onInput, type = 'text', ...rest }: Given) {
  return (
    <Framed {...{ label, hint, wrong }}>
      {(named) => (
        // The element's types differ by `type` and want to know which it is; here it is any of them.
        <input class="input" {...({ type, ...rest, ...named } as { type: 'text' })} onInput={(event) => onInput(event.currentTarget.value)} />
      )}
    </Framed>
  )
}

/** Several lines of text. */
export function Lines({ label, hint, wrong, onInput, rows = 3, ...rest }: Named & {
  value: string
  onInput: (value: string) => void
  rows?: number
  required?: boolean
  maxLength?: number
  placeholder?: string
}) {
  return (
    <Framed {...{ label, hint, wrong }}>
      {(named) => <textarea class="input" rows={rows} {...rest} {...named} onInput={(event) => onInput(event.currentTarget.value)} />}
    </Framed>
  )
}

export function Select<V extends string>({ label, hint, wrong, value, options, onInput, disabled = false }: Named & {
  value: V
  options: readonly (readonly [V, string])[]
  onInput: (value: V) => void
  disabled?: boolean
}) {
  return (
    <Framed {...{ label, hint, wrong }}>
      {(named) => (
        <select class="input" {...named} value={value} disabled={disabled} onInput={(event) => onInput(event.currentTarget.value as V)}>
          {options.map(([key, shown]) => (
            <option key={key} value={key} selected={key === value}>
              {shown}
            </option>
          ))}
        </select>
      )}
    </Framed>
  )
}

export function Tick({ label, hint, checked, onInput, required = false, disabled = false }: {
  label: ComponentChildren
  hint?: string
  checked: boolean
  onInput: (checked: boolean) => void
  required?: boolean
  disabled?: boolean
}) {
  const id = useId()
  return (
    <div class="tick">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        required={required}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onInput={(event) => onInput(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  )
}

/** A tick that counts at once. It shows what is wanted while `flip` is under way, and what is so afterwards. */
export function Switch({ label, hint, on, disabled = false, flip }: {
  label: string
  hint: string
  on: boolean
  disabled?: boolean
  flip: (on: boolean) => Promise<unknown>
}) {
  const [wanted, setWanted] = useState<boolean>()
  const change = async (wish: boolean) => {
    setWanted(wish)
    await flip(wish)
    setWanted(undefined)
  }
  return <Tick {...{ label, hint }} checked={wanted ?? on} disabled={disabled || wanted !== undefined} onInput={(wish) => void change(wish)} />
}

interface Names {
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': boolean | undefined
}

function Framed({ label, hint, wrong, children }: Named & { children: (named: Names) => JSX.Element }) {
  const id = useId()
  const told = wrong ?? hint
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': told ? `${id}-told` : undefined, 'aria-invalid': wrong ? true : undefined })}
      {told && (
        <span class={wrong ? 'wrong' : 'hint'} id={`${id}-told`}>
          {told}
        </span>
      )}
    </div>
  )
}
