// On WhatsApp a template goes at any time. The API says how it would read with these values, or why it would not do.
import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, onceKey, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Button } from '../parts/button'
import { Field, Select } from '../parts/field'
import { Trouble } from '../parts/notice'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

type Template = Schemas['Template']
type Values = Record<string, string>
interface Filling {
  header: Values
  body: Values
  buttons: Values
}

/** A template with its values, as the API takes it, and the header that lets it be sent once. */
export type Send = (draft: Filling & { name: string; language: string }, header: ReturnType<typeof onceKey>) => Promise<unknown>

export function TemplatePicker({ send, onClose }: { send: Send; onClose?: () => void }) {
  const approved = useLive(() => answer(api.GET('/v1/templates', { params: { query: { state: 'approved', limit: 100 } } })), [])
  const [id, setId] = useState('')
  return (
    <Loaded data={approved.data} problem={approved.problem} reload={() => void approved.reload()} lines={2}>
      {({ items }) => {
        const chosen = items.find((one) => one.id === id) ?? items[0]
        if (!chosen) return <p class="soft">{t.inbox.noTemplates}</p>
        const options = items.map((one) => [one.id, `${one.name} (${one.language})`] as const)
        return (
          <div class="stack">
            <Select label={t.inbox.template} value={chosen.id} options={options} onInput={setId} />
            <Filled key={chosen.id} template={chosen} send={send} />
            {onClose && (
              <div>
                <Button kind="quiet" onClick={onClose}>
                  {t.inbox.freeText}
                </Button>
              </div>
            )}
          </div>
        )
      }}
    </Loaded>
  )
}


function Filled({ template, send }: { template: Template; send: Send }) {
  const [header, setHeader] = useState<Values>({})
  const [body, setBody] = useState<Values>({})
  const [buttons, setButtons] = useState<Values>({})
  const values = { header, body, buttons }
  const wanted: [Values, (values: Values) => void, string[]][] = [
    [header, setHeader, template.header?.values ?? []],
    [body, setBody, template.body.values],
    [buttons, setButtons, template.buttons.flatMap((button, place) => (button.wants_value ? [String(place)] : []))],
  ]
  const complete = wanted.every(([given, , names]) => names.every((name) => given[name]?.trim()))
  const preview = useLive(
    async () =>
      complete ? answer(api.POST('/v1/templates/{template_id}/preview', { params: { path: { template_id: template.id } }, body: values })) : undefined,
    [JSON.stringify(values)],
  )
  const [key, setKey] = useState(onceKey)
  useEffect(() => setKey(onceKey()), [JSON.stringify(values)])
  const go = useAct(() => send({ name: template.name, language: template.language, ...values }, key))
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault()
        void go.run()
      }}
    >
      {wanted.flatMap(([given, set, names], place) =>
        names.map((name) => (
          <Field
            key={`${place}.${name}`}
            label={place === 2 ? t.inbox.buttonValue(template.buttons[Number(name)]?.text ?? '') : `{{${name}}}`}
            value={given[name] ?? ''}
            onInput={(value) => set({ ...given, [name]: value })}
            required
          />
        )),
      )}
      <div class="bubble ours preview">
        <p class="words">
          <bdi>{preview.data ? [preview.data.header, preview.data.body, preview.data.footer].filter(Boolean).join('\n') : template.body.text}</bdi>
        </p>
      </div>
      <Trouble problem={go.problem ?? preview.problem} />
      <div>
        <Button kind="primary" icon="send" type="submit" busy={go.busy} disabled={!complete}>
          {t.inbox.sendTemplate}
        </Button>
      </div>
    </form>
  )
}
