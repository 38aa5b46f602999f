// What needs the provider is a task: asked for, done within seconds, and asked about until it is.
import { answer, api, type Schemas } from '../api/client'
import { Problem } from '../api/problem'
import { t } from '../words'

export type Task = Schemas['Task']

const FIRST = 400
const SLOWEST = 4000
const PATIENCE = 90_000

/** The task once it is over. Throws `Problem` with the cause and the remedy when it failed. */
export async function finished(task: Task): Promise<Task> {
  const params = { path: { task_id: task.id } }
  const begun = Date.now()
  let pause = FIRST
  let now = task
  while (now.state !== 'done' && now.state !== 'failed') {
    if (Date.now() - begun > PATIENCE) throw new Problem(0, 'slow', now.state === 'unknown' ? t.channels.stillUnknown : t.channels.slow)
    await new Promise((resolve) => setTimeout(resolve, pause))
    pause = Math.min(pause * 1.5, SLOWEST)
    now = await answer(api.GET('/v1/channels/tasks/{task_id}', { params }))
  }
  if (now.state === 'failed' && now.trouble) throw new Problem(409, now.trouble.code, `${now.trouble.cause} ${now.trouble.remedy}`)
  return now
}
