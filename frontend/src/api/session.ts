// The access token lives in this tab's memory only. What outlives a reload is a cookie that no script can read
// (docs/decisions/0010); every tab turns it into an access token of its own.
import { signal } from '@preact/signals'
import type { components } from './schema'
import { problemOf } from './problem'

export type Me = components['schemas']['Me']
type Token = components['schemas']['Token']

/** Needed with the cookie; no form and no link of another site sends it. */
const OURS = { 'leadsrally-app': '1' }
const SPARE = 30_000

/** Who is logged in; null: nobody; undefined: not known yet. */
export const me = signal<Me | null | undefined>(undefined)

let token: { value: string; until: number } | null = null
let turning: Promise<boolean> | null = null

/** What the API takes as proof, renewed when it is about to expire. */
export async function bearer(): Promise<string | null> {
  if (token && Date.now() > token.until) await renew()
  return token?.value ?? null
}

export async function logIn(email: string, password: string, code: string | null): Promise<void> {
  hold(await post('/v1/auth/login', { email, password, code, session: 'browser' }))
}

/** Turn the cookie into an access token; false when there is no session. Asked once at a time in this tab. */
export function renew(): Promise<boolean> {
  turning ??= turn().finally(() => {
    turning = null
  })
  return turning
}

/** The session is over: show the way in. */
export function forget(): void {
  token = null
  me.value = null
}

async function turn(): Promise<boolean> {
  try {
    hold(await post('/v1/auth/refresh', null))
    return true
  } catch (thrown) {
    if (thrown instanceof TypeError) throw thrown // no network says nothing about the session
    token = null
    return false
  }
}

function hold(given: Token): void {
  token = { value: given.access_token, until: Date.now() + given.expires_in * 1000 - SPARE }
}

async function post(path: string, body: unknown): Promise<Token> {
  const asked: RequestInit = { method: 'POST', headers: OURS }
  if (body !== null) {
    asked.headers = { ...OURS, 'content-type': 'application/json' }
    asked.body = JSON.stringify(body)
  }
  const answer = await fetch(path, asked)
  if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => null))
  return (await answer.json()) as Token
}
