// A file of a message. Pictures that browsers draw without running anything are shown; all else is only saved.
import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, type Schemas } from '../api/client'
import { download } from '../parts/download'
import { Icon } from '../parts/icon'
import { t } from '../words'

type File = Schemas['Media']

const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

export function MediaFile({ message, file }: { message: string; file: File }) {
  const [picture, setPicture] = useState<string>()
  const link = () =>
    answer(api.GET('/v1/messages/{message_id}/media/{media_id}', { params: { path: { message_id: message, media_id: file.id } } }))
  const shows = file.state === 'stored' && PICTURES.has(file.content_type)
  useEffect(() => {
    if (shows) void link().then(({ url }) => setPicture(url), () => setPicture(undefined))
  }, [shows, file.id])
  const save = useAct(async () => download(await link()))
  const name = file.file_name || t.inbox.file
  if (file.state !== 'stored') {
    return (
      <p class="file soft">
        <Icon name="file" />
        <span>
          <bdi>{name}</bdi> · {t.mediaStates[file.state]}
        </span>
      </p>
    )
  }
  return (
    <>
      {picture && <img class="picture" src={picture} alt={t.inbox.picture} loading="lazy" onError={() => setPicture(undefined)} />}
      <button type="button" class="file" disabled={save.busy} onClick={() => void save.run()}>
        <Icon name="file" />
        <span>
          <bdi>{name}</bdi> {file.bytes !== null && <span class="soft number">{sizeOf(file.bytes)}</span>}
        </span>
        <span class="unseen">{t.inbox.download}</span>
      </button>
      {save.problem && <p class="why bad">{save.problem.sentence}</p>}
    </>
  )
}

function sizeOf(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1000))} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
