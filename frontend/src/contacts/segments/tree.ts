// A condition as a form shows it: groups of questions. The API reads and bounds what it becomes; see /v1/segments.
import type { Schemas } from '../../api/client'

type Own = Schemas['FieldOfContacts']
export type Json = { [key: string]: unknown }
export type Kind = 'words' | 'text' | 'number' | 'days' | 'flag' | 'moment' | 'date' | 'tag' | 'state' | 'intent' | 'choice' | 'choices'

export interface Question {
  on: string
  is: string
  value: unknown
  channel?: string
  purpose?: string
}

export interface Group {
  mode: 'all' | 'any'
  parts: Part[]
}

export interface Part {
  key: number
  not: boolean
  what: Group | Question
}

/** What can be asked of what, and what kind of answer the question wants. */
export const OFFERED: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  tag: { set: 'tag' },
  consent: { equal: 'state' },
  intent: { equal: 'intent' },
  interest: { at_least: 'number', at_most: 'number' },
  unread: { equal: 'flag' },
  last_message_at: { within_days: 'days', before: 'moment', after: 'moment', empty: 'flag' },
  last_inbound_at: { within_days: 'days', before: 'moment', after: 'moment', empty: 'flag' },
  created_at: { within_days: 'days', before: 'moment', after: 'moment' },
  name: { words: 'words', equal: 'text', empty: 'flag' },
  phone: { starts: 'text', ends: 'text', equal: 'text', empty: 'flag' },
  email: { starts: 'text', equal: 'text', empty: 'flag' },
  restricted: { equal: 'flag' },
  'fields.text': { contains: 'text', equal: 'text', empty: 'flag' },
  'fields.number': { equal: 'number', at_least: 'number', at_most: 'number', empty: 'flag' },
  'fields.date': { equal: 'date', before: 'date', after: 'date', empty: 'flag' },
  'fields.boolean': { equal: 'flag', empty: 'flag' },
  'fields.choice': { equal: 'choice', one_of: 'choices', empty: 'flag' },
}

export function offered(on: string, own: readonly Own[]): Readonly<Record<string, Kind>> {
  if (!on.startsWith('fields.')) return OFFERED[on] ?? {}
  return OFFERED[`fields.${fieldOf(on, own)?.type ?? 'text'}`] ?? {}
}

export function fieldOf(on: string, own: readonly Own[]): Own | undefined {
  return own.find((field) => `fields.${field.key}` === on)
}

let made = 0
export function part(what: Group | Question, not = false): Part {
  return { key: ++made, not, what }
}

/** A question about `on` that nobody has answered yet. */
export function fresh(on: string, own: readonly Own[]): Question {
  const [is = 'equal', kind = 'text'] = Object.entries(offered(on, own))[0] ?? []
  return { on, is, value: unanswered(kind as Kind), ...(on === 'consent' ? { channel: 'sms', purpose: 'all' } : {}) }
}

export function unanswered(kind: Kind): unknown {
  return kind === 'flag' ? true : kind === 'days' ? 30 : kind === 'state' ? 'granted' : kind === 'intent' ? 'pricing' : kind === 'choices' ? [] : ''
}

export function isGroup(what: Group | Question): what is Group {
  return 'parts' in what
}

/** Whether every question has an answer; what is half written is not asked. */
export function whole(group: Group): boolean {
  return group.parts.every(({ what }) => (isGroup(what) ? what.parts.length > 0 && whole(what) : answered(what.value)))
}

function answered(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== '' && value !== undefined && !Number.isNaN(value)
}

export function toJson({ mode, parts }: Group): Json {
  return { [mode]: parts.map(({ not, what }) => (not ? { not: said(what) } : said(what))) }
}

function said(what: Group | Question): Json {
  return isGroup(what) ? toJson(what) : { ...what }
}

/** The form of a condition that was saved, whoever wrote it. */
export function fromJson(json: Json): Group {
  const read = readPart(json)
  return !read.not && isGroup(read.what) ? read.what : { mode: 'all', parts: [read] }
}

function readPart(json: Json): Part {
  if ('not' in json) {
    const inner = readPart(json.not as Json)
    // Not of a not is the thing itself.
    return part(inner.what, !inner.not)
  }
  for (const mode of ['all', 'any'] as const) {
    if (mode in json) return part({ mode, parts: (json[mode] as Json[]).map(readPart) })
  }
  return part(json as unknown as Question)
}
