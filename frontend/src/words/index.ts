// All that the page says, one file for each language. The language is chosen once, before anything is shown; another
// one takes a reload.
import type { Words } from './en'

const LANGUAGES = { en: 'English', es: 'Español' } as const
export type Language = keyof typeof LANGUAGES
export const languages = Object.entries(LANGUAGES) as [Language, string][]

const KEPT = 'leadsrally.language'

export let language: Language = 'en'
export let t: Words

export async function chooseWords(): Promise<void> {
  language = wanted()
  t = language === 'es' ? (await import('./es')).es : (await import('./en')).en
  document.documentElement.lang = language
}

export function speak(chosen: Language): void {
  localStorage.setItem(KEPT, chosen)
  location.reload()
}

function wanted(): Language {
  const kept = localStorage.getItem(KEPT)
  const offered = [kept, ...navigator.languages.map((tag) => tag.slice(0, 2))]
  return offered.find((tag): tag is Language => tag !== null && tag in LANGUAGES) ?? 'en'
}
