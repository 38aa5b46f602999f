// What whoever leaves a lead is written at once. A text is written here; a template that was chosen elsewhere is kept.
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Lines, Select } from '../parts/field'
import { t } from '../words'

export type First = Schemas['LeadForm']['first_message']

export function FirstMessage({ given, disabled, onChange }: { given: First; disabled: boolean; onChange: (first: First) => void }) {
  const channels = useLive(() => answer(api.GET('/v1/channels')), [])
  const numbers = (channels.data?.items ?? []).filter((one) => one.state === 'active' && (one.kind === 'sms' || one.id === given?.channel_id))
  return (
    <>
      <Select
        label={t.forms.first}
        hint={t.forms.firstHint}
        value={given?.channel_id ?? ''}
        options={[['', t.forms.firstNone], ...numbers.map((one) => [one.id, `${t.channelKinds[one.kind]} · ${one.name || (one.number ?? '')}`] as const)]}
        disabled={disabled}
        onInput={(channel_id) => onChange(channel_id ? { ...textOf(given?.text ?? ''), channel_id } : null)}
      />
      {given && given.template == null && (
        <Lines
          label={t.forms.firstText}
          hint={t.forms.firstTextHint}
          value={given.text ?? ''}
          maxLength={1600}
          required
          onInput={(text) => onChange({ ...textOf(text), channel_id: given.channel_id })}
        />
      )}
      {given?.template != null && (
        <p class="soft">
          {t.inbox.template}: <bdi>{given.template}</bdi>
        </p>
      )}
    </>
  )
}

function textOf(text: string): Omit<NonNullable<First>, 'channel_id'> {
  return { text, template: null, language: null, body: {}, header: {} }
}
