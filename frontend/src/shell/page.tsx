import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** One page of the app: its title, what it is for, what can be done with all of it, and the rest. */
export function Page({ title, lead, acts, children }: {
  title: string
  lead?: ComponentChildren
  acts?: ComponentChildren
  children: ComponentChildren
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · LeadsRally`
    heading.current?.focus({ preventScroll: true })
  }, [title])
  return (
    <main class="page" id="content">
      <div class="inner">
        <header class="head">
          <div class="stack tight">
            <h1 ref={heading} tabIndex={-1}>
              {title}
            </h1>
            {lead && <p class="soft">{lead}</p>}
          </div>
          {acts && <div class="row">{acts}</div>}
        </header>
        {children}
      </div>
    </main>
  )
}
