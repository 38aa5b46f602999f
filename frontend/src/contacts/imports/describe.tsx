// What the customer says about a file: its columns, the country of its numbers, and which permission its people gave.
import { useState } from 'preact/hooks'
import { useAct } from '../../api/act'
import { answer, api, may, onceKey, type Schemas } from '../../api/client'
import { Button } from '../../parts/button'
import { Field } from '../../parts/field'
import { Notice, Trouble } from '../../parts/notice'
import { t } from '../../words'
import { Attestation, complete } from './attestation'
import type { Import } from './begin'
import { Columns } from './columns'

export type Mapping = Import['mapping']
export type Attested = NonNullable<Schemas['Describe']['attestation']>

export function Described({ one, etag, reload }: { one: Import; etag: string; reload: () => Promise<void> }) {
  const [mapping, setMapping] = useState<Mapping>(one.mapping)
  const [country, setCountry] = useState(one.country)
  const [tags, setTags] = useState(one.tags.join(', '))
  const [attestation, setAttestation] = useState<Attested | undefined>(one.attestation ?? undefined)
  const path = { import_id: one.id }
  const people = one.kind === 'contacts'
  const phone = mapping.some((column) => column.to === 'phone')

  const describe = async () => {
    const body = {
      mapping,
      country: country.trim().toUpperCase(),
      ...(people ? { tags: tags.split(',').map((tag) => tag.trim()).filter(Boolean) } : {}),
      ...(people && attestation ? { attestation } : {}),
    } as Schemas['Describe']
    await answer(api.PATCH('/v1/imports/{import_id}', { params: { path, header: { 'If-Match': etag } }, body }))
  }
  const go = useAct(async (which: 'check' | 'run') => {
    await describe()
    const params = { path, header: onceKey() }
    try {
      if (which === 'check') await answer(api.POST('/v1/imports/{import_id}/check', { params }))
      else await answer(api.POST('/v1/imports/{import_id}/run', { params }))
    } finally {
      await reload() // what was described counts, and has another version now
    }
  })
  if (!may('imports.manage')) return <Columns one={one} mapping={mapping} onChange={() => undefined} disabled />
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault()
        void go.run('check')
      }}
    >
      <Columns one={one} mapping={mapping} onChange={setMapping} />
      <section class="card form">
        <h2>{t.imports.reading}</h2>
        <Field label={t.imports.country} hint={t.imports.countryHint} value={country} onInput={setCountry} minLength={2} maxLength={2} required />
        {people && <Field label={t.imports.tags} hint={t.imports.tagsHint} value={tags} onInput={setTags} maxLength={500} />}
      </section>
      {people && <Attestation given={attestation} onChange={setAttestation} />}
      <section class="card stack">
        <h2>{t.imports.go}</h2>
        {!phone && <Notice tone="warn">{t.imports.noPhone}</Notice>}
        {people && !complete(attestation) && <p class="soft">{t.imports.sayFirst}</p>}
        <Trouble problem={go.problem} />
        <div class="row">
          <Button type="submit" busy={go.busy} disabled={!phone}>
            {t.imports.check}
          </Button>
          <Button kind="primary" busy={go.busy} disabled={!phone || (people && !complete(attestation))} onClick={() => void go.run('run')}>
            {t.imports.run}
          </Button>
        </div>
        <p class="small soft">{people ? t.imports.undoHint : t.imports.listHint}</p>
      </section>
    </form>
  )
}
