// Name, number, address and the customer's own fields of one person: the same form for a new one and for a correction.
import { useState } from 'preact/hooks'
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import type { Problem } from '../api/problem'
import { Button } from '../parts/button'
import { Field, Select, Tick } from '../parts/field'
import { Trouble } from '../parts/notice'
import { t } from '../words'

export interface Person {
  name: string
  phone: string | null
  email: string
  fields: Schemas['Contact']['fields']
}

type Own = Schemas['FieldOfContacts']
type Value = string | number | boolean | null

export function PersonForm({ person, busy, problem, disabled = false, go, onSave }: {
  person: Person
  busy: boolean
  problem: Problem | undefined
  disabled?: boolean
  go: string
  onSave: (person: Person, fields: Record<string, Value>) => void
}) {
  const [name, setName] = useState(person.name)
  const [phone, setPhone] = useState(person.phone ?? '')
  const [email, setEmail] = useState(person.email)
  const [changed, setChanged] = useState<Record<string, Value>>({})
  const own = useLive(() => answer(api.GET('/v1/fields')), [])
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        onSave({ name, phone: phone.trim() || null, email, fields: person.fields }, changed)
      }}
    >
      <Trouble problem={problem} />
      <Field label={t.contacts.name} value={name} onInput={setName} maxLength={200} disabled={disabled} />
      <Field label={t.inbox.number} hint={t.contacts.numberHint} value={phone} onInput={setPhone} maxLength={250} disabled={disabled} />
      <Field label={t.account.email} type="email" value={email} onInput={setEmail} maxLength={320} disabled={disabled} />
      {own.data?.items.map((field) => (
        <OwnField
          key={field.key}
          field={field}
          value={changed[field.key] === undefined ? (person.fields[field.key] ?? null) : (changed[field.key] ?? null)}
          disabled={disabled}
          onChange={(value) => setChanged({ ...changed, [field.key]: value })}
        />
      ))}
      {!disabled && (
        <div>
          <Button kind="primary" type="submit" busy={busy}>
            {go}
          </Button>
        </div>
      )}
    </form>
  )
}

function OwnField({ field, value, disabled, onChange }: { field: Own; value: Value; disabled: boolean; onChange: (value: Value) => void }) {
  const text = value === null ? '' : String(value)
  switch (field.type) {
    case 'boolean':
      return <Tick label={field.label} checked={value === true} disabled={disabled} onInput={onChange} />
    case 'choice':
      return (
        <Select
          label={field.label}
          value={text}
          options={[['', t.common.none], ...field.choices.map((one) => [one, one] as const)]}
          disabled={disabled}
          onInput={(chosen) => onChange(chosen || null)}
        />
      )
    case 'number':
      return <Field label={field.label} type="number" value={text} disabled={disabled} onInput={(given) => onChange(given === '' ? null : Number(given))} />
    case 'date':
      return <Field label={field.label} type="date" value={text.slice(0, 10)} disabled={disabled} onInput={(given) => onChange(given || null)} />
    default:
      return <Field label={field.label} value={text} disabled={disabled} onInput={(given) => onChange(given || null)} />
  }
}
