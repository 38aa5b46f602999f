// Files to send: announced, put where the API says, looked at by it, and then part of the next message.
import { useRef, useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, type Answer, api, onceKey } from '../api/client'
import { Problem } from '../api/problem'
import { Icon } from '../parts/icon'
import { t } from '../words'

export type Upload = Answer<'/v1/uploads/{upload_id}', 'get'>

/** Puts one file there and returns what the API found. Throws `Problem` when it does not go over this channel. */
async function upload(file: File, channel: 'sms' | 'whatsapp'): Promise<Upload> {
  const body = { file_name: file.name.slice(0, 255), content_type: file.type || 'application/octet-stream', bytes: file.size }
  const { id, put } = await answer(api.POST('/v1/uploads', { params: { header: onceKey() }, body }))
  const sent = await fetch(put.url, { method: 'PUT', headers: put.headers, body: file, credentials: 'omit' })
  if (!sent.ok) throw new Problem(sent.status, 'not_uploaded', t.inbox.notUploaded)
  const looked = await answer(api.POST('/v1/uploads/{upload_id}/look', { params: { path: { upload_id: id } } }))
  const refusal = looked.fits.find((one) => one.channel === channel)?.refusal
  if (looked.state !== 'stored' || refusal) throw new Problem(422, 'does_not_fit', refusal ?? t.inbox.refusedFiles[looked.reason ?? 'type'])
  return looked
}

/** The files of the next message, the button that adds one, and what is wrong with the last. */
export function useAttachments(channel: 'sms' | 'whatsapp') {
  const [files, setFiles] = useState<Upload[]>([])
  const input = useRef<HTMLInputElement>(null)
  const add = useAct(async (chosen: File[]) => {
    for (const file of chosen) {
      const found = await upload(file, channel)
      setFiles((before) => [...before, found])
    }
  })
  const remove = (id: string) => {
    setFiles((before) => before.filter((one) => one.id !== id))
    // What cannot be taken back now is dropped within a day.
    void answer(api.DELETE('/v1/uploads/{upload_id}', { params: { path: { upload_id: id } } })).catch(() => undefined)
  }
  const button = (
    <>
      <input
        ref={input}
        type="file"
        hidden
        multiple={channel === 'sms'}
        aria-label={t.inbox.attach}
        onInput={(event) => {
          const chosen = [...(event.currentTarget.files ?? [])]
          event.currentTarget.value = ''
          void add.run(chosen)
        }}
      />
      <button type="button" class="button quiet bare" aria-label={t.inbox.attach} title={t.inbox.attach} aria-busy={add.busy} disabled={add.busy} onClick={() => input.current?.click()}>
        <Icon name="clip" />
      </button>
    </>
  )
  const shown = (files.length > 0 || add.problem) && (
    <div class="row">
      {files.map((one) => (
        <span key={one.id} class="attached">
          <Icon name="file" />
          <bdi>{one.file_name}</bdi>
          <button type="button" aria-label={`${t.common.remove} ${one.file_name}`} onClick={() => remove(one.id)}>
            <Icon name="close" />
          </button>
        </span>
      ))}
      {add.problem && (
        <p class="why bad" role="alert">
          {add.problem.sentence}
        </p>
      )}
    </div>
  )
  return { files, busy: add.busy, button, shown, sent: () => setFiles([]) }
}
