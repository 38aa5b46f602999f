import { useLocation } from 'preact-iso'
import { answer, api, may, myself } from '../api/client'
import { useLive } from '../api/live'
import { Icon, type IconName } from '../parts/icon'
import { t } from '../words'

const ROOMS: readonly [IconName, string][] = [
  ['inbox', '/inbox'],
  ['contacts', '/contacts'],
  ['leads', '/leads'],
  ['channels', '/channels'],
  ['templates', '/templates'],
  ['bell', '/notices'],
  ['settings', '/settings'],
]

const PLACES: Record<string, string> = { '/notices': 'last', '/templates': 'spare' }

/** The way to every room: a column, at phone width a row at the foot of the page. */
export function Rail() {
  const { path } = useLocation()
  const notices = useLive(
    async () => (may('notifications.read') ? (await answer(api.GET('/v1/notifications', { params: { query: { limit: 1 } } }))).unread : 0),
    [],
    60_000,
  )
  return (
    <nav class="rail" aria-label={t.shell.rooms}>
      <a class="skip" href="#content">
        {t.shell.skip}
      </a>
      <div class="house">
        <img src="/icon.svg" alt="" />
        <bdi>{myself().organization.name}</bdi>
      </div>
      {ROOMS.map(([icon, href]) => (
        <a key={href} href={href} class={PLACES[href]} aria-current={path.startsWith(href) ? 'page' : undefined}>
          <Icon name={icon} />
          <span>{t.shell.names[href as keyof typeof t.shell.names]}</span>
          {href === '/notices' && !!notices.data && (
            <span class="count">
              {notices.data}
              <span class="unseen"> {t.shell.unread}</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  )
}
