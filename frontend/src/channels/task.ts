// What needs the provider is a task: asked for, done within seconds, and asked about until it is.
import { answer, api, type Schemas } from '../api/client'
import { Problem } from '../api/problem'
import { until } from '../api/until'
import { t } from '../words'

export type Task = Schemas['Task']

const PATIENCE = 90_000

/** The task once it is over. Throws `Problem` with the cause and the remedy when it failed. */
export async function finished(task: Task): Promise<Task> {
  const params = { path: { task_id: task.id } }
  let now = task
  const over = () => (now.state === 'done' || now.state === 'failed' ? now : undefined)
  const ask = async () => {
    now = await answer(api.GET('/v1/channels/tasks/{task_id}', { params }))
    return over()
  }
  const done = over() ?? (await until(ask, PATIENCE))
  if (!done) throw new Problem(0, 'slow', now.state === 'unknown' ? t.channels.stillUnknown : t.channels.slow)
  if (done.state === 'failed' && done.trouble) throw new Problem(409, done.trouble.code, `${done.trouble.cause} ${done.trouble.remedy}`)
  return done
}
