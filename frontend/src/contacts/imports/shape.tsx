// How the file was read, and reading it in another way where that was not right.
import { useState } from 'preact/hooks'
import { useAct } from '../../api/act'
import { may } from '../../api/client'
import { Button } from '../../parts/button'
import { Select, Tick } from '../../parts/field'
import { Trouble } from '../../parts/notice'
import { t } from '../../words'
import { type Import, look } from './begin'

/** Those that the API reads; it says so itself when one is no longer among them. */
const ENCODINGS = ['utf-8', 'utf-16-le', 'utf-16-be', 'windows-1252', 'iso-8859-1', 'iso-8859-15', 'windows-1250', 'windows-1251', 'windows-1253', 'windows-1254', 'macintosh', 'shift_jis', 'gb18030', 'big5', 'euc-kr'] as const

export function Shape({ one, reload }: { one: Import; reload: () => Promise<void> }) {
  const [encoding, setEncoding] = useState(one.encoding ?? 'utf-8')
  const [delimiter, setDelimiter] = useState(one.delimiter ?? ',')
  const [header, setHeader] = useState(one.has_header ?? true)
  const again = useAct(async () => {
    await look(one.id, { encoding, delimiter, has_header: header })
    await reload()
  })
  const told = [
    t.imports.rowsOf((one.progress.rows ?? 0).toLocaleString()),
    one.encoding,
    t.delimiters[(one.delimiter ?? ',') as keyof typeof t.delimiters],
    one.has_header ? t.imports.withHeader : t.imports.withoutHeader,
  ]
  return (
    <details class="card shape">
      <summary>
        <strong>{t.imports.seen}</strong> <span class="soft">{told.filter(Boolean).join(' · ')}</span>
      </summary>
      {may('imports.manage') && (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault()
            void again.run()
          }}
        >
          <p class="soft">{t.imports.otherWay}</p>
          <Select label={t.imports.encoding} value={encoding} options={ENCODINGS.map((one) => [one, one] as const)} onInput={setEncoding} />
          <Select label={t.imports.delimiter} value={delimiter} options={Object.entries(t.delimiters)} onInput={setDelimiter} />
          <Tick label={t.imports.headerRow} checked={header} onInput={setHeader} />
          <Trouble problem={again.problem} />
          <div>
            <Button type="submit" busy={again.busy}>
              {t.imports.lookAgain}
            </Button>
          </div>
        </form>
      )}
    </details>
  )
}
