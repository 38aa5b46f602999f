// The inbox: conversations on one side, the chosen one on the other; at phone width one of the two.
import { useLocation, useRoute } from 'preact-iso'
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../words'
import { ConversationPage, Unchosen } from './conversation'
import { useConversations } from './conversations'
import { NONE } from './filters'
import { List } from './list'
import './inbox.css'

export default function Inbox() {
  const id = useRoute().params.id
  const { route } = useLocation()
  const [filters, setFilters] = useState(NONE)
  const [search, setSearch] = useState('')
  const conversations = useConversations(filters)
  const box = useRef<HTMLTextAreaElement>(null)
  const shown = conversations.items ?? []

  useEffect(() => {
    if (!id) document.title = `${t.shell.names['/inbox']} · LeadsRally`
  }, [id])
  useKeys({
    j: () => go(1),
    k: () => go(-1),
    r: () => box.current?.focus(),
    '/': () => document.getElementById('search')?.focus(),
    Escape: () => {
      if (search) setSearch('')
      else if (id) route('/inbox')
    },
  })
  const go = (step: 1 | -1) => {
    const place = shown.findIndex((one) => one.id === id)
    const next = shown[place < 0 ? 0 : place + step]
    if (next) route(`/inbox/${next.id}`)
  }

  return (
    <main class={`inbox ${id ? 'chosen' : ''}`} id="content">
      <List {...{ conversations, filters, search }} onFilter={setFilters} onSearch={setSearch} chosen={id} />
      {id ? <ConversationPage id={id} onChange={conversations.put} box={box} /> : <Unchosen />}
    </main>
  )
}

/** Keys that count while nobody is typing; Esc leaves a field first. */
function useKeys(keys: Record<string, () => void>) {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select, dialog, dialog *')
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
      if (typing) {
        if (event.key === 'Escape' && event.target instanceof HTMLElement) event.target.blur()
        return
      }
      const act = latest.current[event.key]
      if (!act) return
      event.preventDefault()
      act()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [])
}
