import { useLocation } from 'preact-iso'
import { useEffect, useRef } from 'preact/hooks'

/** Pages beside each other under one name: the one that is open stands out. */
export function Tabs({ label, pages }: { label: string; pages: readonly (readonly [string, string])[] }) {
  const { path } = useLocation()
  const open = pages.map(([href]) => href).filter((href) => path === href || path.startsWith(`${href}/`))
  const longest = open.sort((one, other) => other.length - one.length)[0]
  // Where they do not all fit beside each other, the open one is in sight.
  const row = useRef<HTMLElement>(null)
  useEffect(() => row.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [longest])
  return (
    <nav ref={row} class="tabs" aria-label={label}>
      {pages.map(([href, name]) => (
        <a key={href} href={href} aria-current={href === longest ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  )
}
