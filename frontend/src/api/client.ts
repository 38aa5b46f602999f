// The API by its contract: paths, bodies and answers are typed by schema.ts, which is made from the OpenAPI document.
import createClient from 'openapi-fetch'
import type { components, paths } from './schema'
import { Problem, problemOf } from './problem'
import { bearer, forget, me, renew } from './session'
import { t } from '../words'

export type Schemas = components['schemas']
/** What an operation answers, for those whose schema shares its name with another. */
export type Answer<P extends keyof paths, M extends 'get' | 'post'> = paths[P] extends Record<
  M,
  { responses: { 200: { content: { 'application/json': infer Body } } } }
>
  ? Body
  : never
export type Action = Schemas['Me']['may'][number]

async function authorized(request: Request): Promise<Response> {
  const again = request.clone()
  const answer = await fetch(await signed(request))
  if (answer.status !== 401 || me.value === null) return answer
  if (await renew()) return fetch(await signed(again))
  forget()
  return answer
}

async function signed(request: Request): Promise<Request> {
  const token = await bearer()
  if (token !== null) request.headers.set('authorization', `Bearer ${token}`)
  return request
}

export const api = createClient<paths>({
  fetch: authorized,
  headers: { 'leadsrally-app': '1' },
})

interface Answered<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The answer's body. Throws `Problem`. */
export async function answer<T>(asked: Promise<Answered<T>>): Promise<T> {
  return (await tagged(asked)).data
}

/** The answer's body and its ETag, for a later edit. Throws `Problem`. */
export async function tagged<T>(asked: Promise<Answered<T>>): Promise<{ data: T; etag: string }> {
  const { data, error, response } = await asked
  if (!response.ok) throw problemOf(response.status, error)
  return { data: data as T, etag: response.headers.get('etag') ?? '' }
}

/** The header that lets a POST be repeated without being done twice. */
export function onceKey(): { 'Idempotency-Key': string } {
  return { 'Idempotency-Key': crypto.randomUUID() }
}

/** Who asks, and what they may. */
export async function whoAmI(): Promise<void> {
  me.value = await answer(api.GET('/v1/me'))
}

export function may(action: Action): boolean {
  return me.value?.may.includes(action) ?? false
}

/** Who is logged in, on pages that nobody else sees. */
export function myself(): Schemas['Me'] {
  if (!me.value) throw new Problem(401, 'token_missing', t.problem.loggedOut)
  return me.value
}
