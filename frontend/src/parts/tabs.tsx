import { useLocation } from 'preact-iso'

/** Pages beside each other under one name: the one that is open stands out. */
export function Tabs({ label, pages }: { label: string; pages: readonly (readonly [string, string])[] }) {
  const { path } = useLocation()
  const open = pages.map(([href]) => href).filter((href) => path === href || path.startsWith(`${href}/`))
  const longest = open.sort((one, other) => other.length - one.length)[0]
  return (
    <nav class="tabs" aria-label={label}>
      {pages.map(([href, name]) => (
        <a key={href} href={href} aria-current={href === longest ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  )
}
