// Local time, with the zone in the title and in words where it matters.
import { language, t } from '../words'

const formats = new Map<string, Intl.DateTimeFormat>()

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  let made = formats.get(name)
  if (!made) formats.set(name, (made = new Intl.DateTimeFormat([language, ...navigator.languages], options)))
  return made
}

const whole = () => format('whole', { dateStyle: 'full', timeStyle: 'long' })
const clock = () => format('clock', { hour: 'numeric', minute: '2-digit' })
const day = () => format('day', { day: 'numeric', month: 'short' })
const date = () => format('date', { day: 'numeric', month: 'short', year: 'numeric' })
const utc = () => format('utc', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })
const moment = () => format('moment', { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit', timeZoneName: 'short' })
const weekday = () => format('weekday', { weekday: 'long', day: 'numeric', month: 'long' })

/** "14:05" today, "3 Nov" this year, "3 Nov 2025" before. */
export function short(at: Date, now = new Date()): string {
  if (at.toDateString() === now.toDateString()) return clock().format(at)
  return at.getFullYear() === now.getFullYear() ? day().format(at) : date().format(at)
}

/** "3 Nov 2025" of a day that is one in UTC, wherever its reader is. */
export function dayInUtc(day: string): string {
  return utc().format(new Date(day))
}

/** "Today", "Yesterday", else the day by name. */
export function dayName(at: Date, now = new Date()): string {
  if (at.toDateString() === now.toDateString()) return t.common.today
  const yesterday = new Date(now)
  yesterday.setDate(now.getDate() - 1)
  return at.toDateString() === yesterday.toDateString() ? t.common.yesterday : weekday().format(at)
}

/** Hours and minutes that are left, in whole minutes. */
export function left(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000))
  const hours = Math.floor(minutes / 60)
  return hours > 0 ? t.common.hoursMinutes(hours, minutes % 60) : t.common.minutes(minutes)
}

export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

type Form = 'short' | 'clock' | 'moment'

export function Time({ at, form = 'moment' }: { at: string; form?: Form }) {
  const date = new Date(at)
  const shown = { short: () => short(date), clock: () => clock().format(date), moment: () => moment().format(date) }[form]()
  return (
    <time class="number" dateTime={at} title={whole().format(date)}>
      {shown}
    </time>
  )
}
