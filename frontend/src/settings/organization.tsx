import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, type Schemas, tagged, whoAmI } from '../api/client'
import { useLive } from '../api/live'
import { Button } from '../parts/button'
import { Field, Select } from '../parts/field'
import { Trouble } from '../parts/notice'
import { say } from '../parts/toast'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

type Edit = Schemas['OrganizationEdit']
export type Organization = Schemas['Organization']

/** The organisation, and the way to change it; what somebody else changed meanwhile is not lost (If-Match). */
export function useOrganization() {
  const found = useLive(() => tagged(api.GET('/v1/organization')), [])
  const edit = useAct(async (body: Edit) => {
    await answer(api.PATCH('/v1/organization', { params: { header: { 'If-Match': found.data?.etag ?? '' } }, body }))
    await Promise.all([found.reload(), whoAmI()])
    say(t.common.saved)
  })
  return { found, edit }
}

export default function OrganizationSection() {
  const { found, edit } = useOrganization()
  return (
    <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()}>
      {({ data }) => <Form organization={data} edit={edit} />}
    </Loaded>
  )
}

function Form({ organization, edit }: { organization: Organization; edit: ReturnType<typeof useOrganization>['edit'] }) {
  const [given, setGiven] = useState(organization)
  useEffect(() => setGiven(organization), [organization])
  const change = (part: Partial<Organization>) => setGiven({ ...given, ...part })
  const { name, help_contact, time_zone, country, language } = given
  const disabled = !may('organization.edit')
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        void edit.run({ name, help_contact, time_zone, country, language })
      }}
    >
      <Trouble problem={edit.problem} />
      <Field label={t.account.organization} value={name} onInput={(name) => change({ name })} maxLength={200} disabled={disabled} required />
      <Field label={t.settings.helpContact} hint={t.settings.helpContactHint} value={help_contact} onInput={(help_contact) => change({ help_contact })} maxLength={200} disabled={disabled} />
      <Field label={t.settings.timeZone} hint={t.settings.timeZoneHint} value={time_zone} onInput={(time_zone) => change({ time_zone })} list="zones" disabled={disabled} required />
      <datalist id="zones">
        {Intl.supportedValuesOf('timeZone').map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <Field label={t.settings.country} hint={t.settings.countryHint} value={country} onInput={(country) => change({ country: country.toUpperCase() })} maxLength={2} minLength={2} disabled={disabled} required />
      <Select label={t.settings.mailLanguage} value={language} options={t.settings.mailLanguages} onInput={(language) => change({ language })} disabled={disabled} />
      {disabled ? (
        <p class="soft">{t.settings.readOnly}</p>
      ) : (
        <div>
          <Button kind="primary" type="submit" busy={edit.busy}>
            {t.common.save}
          </Button>
        </div>
      )}
    </form>
  )
}
