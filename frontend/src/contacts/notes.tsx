// What colleagues noted about one person.
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey } from '../api/client'
import { usePages } from '../api/pages'
import { Button } from '../parts/button'
import { later } from '../parts/later'
import { More } from '../parts/more'
import { Trouble } from '../parts/notice'
import { Time } from '../parts/time'
import { Loaded } from '../parts/waiting'
import { t } from '../words'
import './notes.css'

export function Notes({ contact }: { contact: string }) {
  const path = { contact_id: contact }
  const [text, setText] = useState('')
  const [gone, setGone] = useState<readonly string[]>([])
  const notes = usePages((cursor) => answer(api.GET('/v1/contacts/{contact_id}/notes', { params: { path, query: cursor ? { cursor } : {} } })), [contact])
  const add = useAct(async () => {
    await answer(api.POST('/v1/contacts/{contact_id}/notes', { params: { path, header: onceKey() }, body: { body: text } }))
    setText('')
    await notes.reload()
  })
  const remove = (id: string) => {
    setGone([...gone, id])
    later(
      t.contacts.noteGone,
      async () => {
        const params = { path: { ...path, note_id: id } }
        await answer(api.DELETE('/v1/contacts/{contact_id}/notes/{note_id}', { params }))
      },
      () => setGone((before) => before.filter((one) => one !== id)),
    )
  }
  return (
    <div class="stack">
      {may('contacts.write') && (
        <form
          class="stack tight"
          onSubmit={(event) => {
            event.preventDefault()
            void add.run()
          }}
        >
          <textarea class="input" rows={2} aria-label={t.contacts.note} placeholder={t.contacts.note} value={text} onInput={(event) => setText(event.currentTarget.value)} />
          <Trouble problem={add.problem} />
          <div>
            <Button type="submit" busy={add.busy} disabled={!text.trim()}>
              {t.contacts.addNote}
            </Button>
          </div>
        </form>
      )}
      <Loaded data={notes.items?.filter((one) => !gone.includes(one.id))} problem={notes.problem} lines={2}>
        {(items) => (
          <ul class="notes">
            {items.map((one) => (
              <li key={one.id}>
                <p>
                  <bdi>{one.body}</bdi>
                </p>
                <div class="row apart small soft">
                  <Time at={one.created_at} />
                  {may('contacts.write') && (
                    <Button kind="quiet" onClick={() => remove(one.id)}>
                      {t.common.remove}
                    </Button>
                  )}
                </div>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <More of={notes} />
    </div>
  )
}
