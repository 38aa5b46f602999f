// A file on its way in: announced, put where the API says, and looked at there.
import { answer, api, onceKey, type Schemas } from '../../api/client'
import { Problem } from '../../api/problem'
import { t } from '../../words'

export type Import = Schemas['Import']

/** States in which something goes on by itself. */
const UNDERWAY: readonly Import['state'][] = ['looking', 'checking', 'running', 'undoing']

export function underway({ state }: Import): boolean {
  return UNDERWAY.includes(state)
}

/** Returns the import's id once the file is there and is being looked at. Throws `Problem`. */
export async function begin(file: File, kind: Import['kind'], channels: Schemas['Begin']['channels']): Promise<string> {
  const body = { kind, file_name: file.name.slice(0, 255), bytes: file.size, channels }
  const { id, upload } = await answer(api.POST('/v1/imports', { params: { header: onceKey() }, body }))
  const sent = await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: file, credentials: 'omit' })
  if (!sent.ok) throw new Problem(sent.status, 'not_uploaded', t.imports.notUploaded)
  await look(id, {})
  return id
}

/** Have the file looked at, or looked at again in another way. */
export async function look(id: string, body: Schemas['Look']): Promise<void> {
  await answer(api.POST('/v1/imports/{import_id}/look', { params: { path: { import_id: id }, header: onceKey() }, body }))
}
