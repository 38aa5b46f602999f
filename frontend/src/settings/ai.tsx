import { useEffect, useState } from 'preact/hooks'
import { may } from '../api/client'
import { Button } from '../parts/button'
import { Field, Switch } from '../parts/field'
import { Trouble } from '../parts/notice'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { t } from '../words'
import { type Organization, useOrganization } from './organization'

/** `ai_auto_reply` has no switch here as long as nothing answers by itself. */
type Feature = 'ai_scoring' | 'ai_suggestions'
type Limit = 'ai_daily_calls' | 'ai_daily_tokens' | 'contact_daily_messages'

export default function AiSection() {
  const { found, edit } = useOrganization()
  return (
    <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()}>
      {({ data }) => (
        <>
          <Trouble problem={edit.problem} />
          <Switches organization={data} edit={edit} />
          <Limits organization={data} edit={edit} />
        </>
      )}
    </Loaded>
  )
}

interface Given {
  organization: Organization
  edit: ReturnType<typeof useOrganization>['edit']
}

function Switches({ organization, edit }: Given) {
  const disabled = edit.busy || !may('organization.edit')
  const flip = async (key: Feature, on: boolean) => {
    if (await edit.run({ [key]: on })) say(on ? t.settings.switchedOn : t.settings.switchedOff)
  }
  return (
    <section class="card form">
      {(['ai_scoring', 'ai_suggestions'] as const).map((key) => (
        <Switch key={key} label={t.settings.ai[key]} hint={t.settings.aiHints[key]} on={organization[key]} disabled={disabled} flip={(on) => flip(key, on)} />
      ))}
    </section>
  )
}

function Limits({ organization, edit }: Given) {
  const [given, setGiven] = useState<Record<Limit, number>>(organization)
  useEffect(() => setGiven(organization), [organization])
  const disabled = !may('organization.edit')
  const field = (key: Limit, max: number) => (
    <Field
      label={t.settings.limits[key]}
      type="number"
      min={0}
      max={max}
      value={String(given[key])}
      disabled={disabled}
      onInput={(value) => setGiven({ ...given, [key]: Number(value) })}
      required
    />
  )
  return (
    <form
      class="card form"
      onSubmit={(event) => {
        event.preventDefault()
        const { ai_daily_calls, ai_daily_tokens, contact_daily_messages } = given
        void edit.run({ ai_daily_calls, ai_daily_tokens, contact_daily_messages })
      }}
    >
      <h2>{t.settings.limitsTitle}</h2>
      {field('ai_daily_calls', 1_000_000)}
      {field('ai_daily_tokens', 1_000_000_000)}
      {field('contact_daily_messages', 1000)}
      {!disabled && (
        <div>
          <Button type="submit" busy={edit.busy}>
            {t.common.save}
          </Button>
        </div>
      )}
    </form>
  )
}
