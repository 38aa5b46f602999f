// What was begun and not sent stays on this device, for whoever wrote it, until they send it or log out.
const PREFIX = 'leadsrally.draft.'

export function kept(conversation: string): string {
  return localStorage.getItem(PREFIX + conversation) ?? ''
}

export function keep(conversation: string, text: string): void {
  if (text.trim()) localStorage.setItem(PREFIX + conversation, text)
  else localStorage.removeItem(PREFIX + conversation)
}

export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key)
}
