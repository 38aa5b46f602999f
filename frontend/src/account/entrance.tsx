import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { language, languages, speak, t } from '../words'
import './account.css'

/** The frame of the pages on which nobody is logged in yet. */
export function Entrance({ title, lead, children }: { title: string; lead?: ComponentChildren; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · LeadsRally`
  }, [title])
  return (
    <div class="entrance">
      <main>
        <div class="mark">
          <img src="/icon.svg" alt="" />
          LeadsRally
        </div>
        <div class="stack tight">
          <h1>{title}</h1>
          {lead && <p class="soft">{lead}</p>}
        </div>
        {children}
      </main>
      <footer>
        {languages
          .filter(([key]) => key !== language)
          .map(([key, name]) => (
            <button key={key} type="button" lang={key} onClick={() => speak(key)}>
              {name}
            </button>
          ))}
        <span>{t.account.footer}</span>
      </footer>
    </div>
  )
}

/** What stands behind `#` in the link of a mail. It is taken out of the address, so that nobody reads it there. */
export function useLinkToken(): string {
  const [token] = useState(() => location.hash.slice(1))
  useEffect(() => {
    if (location.hash) history.replaceState(history.state, '', location.pathname)
  }, [])
  return token
}
