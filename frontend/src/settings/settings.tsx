// All settings in one frame; each section is a page of its own and is loaded when it is opened.
import { lazy, useLocation, useRoute } from 'preact-iso'
import { useEffect } from 'preact/hooks'
import { type Action, may } from '../api/client'
import { Tabs } from '../parts/tabs'
import { Page } from '../shell/page'
import { t } from '../words'
import './settings.css'

const SECTIONS = {
  you: lazy(() => import('./you')),
  organization: lazy(() => import('./organization')),
  ai: lazy(() => import('./ai')),
  members: lazy(() => import('./members')),
  permissions: lazy(() => import('./permissions')),
  'api-keys': lazy(() => import('./api_keys')),
  log: lazy(() => import('./audit_log')),
  deliveries: lazy(() => import('./deliveries')),
  billing: lazy(() => import('./billing')),
  privacy: lazy(() => import('./privacy')),
}

type Section = keyof typeof SECTIONS

const NEEDS: Partial<Record<Section, Action>> = { 'api-keys': 'api_keys.manage', log: 'audit.read', billing: 'billing.read' }

export default function Settings() {
  const { route } = useLocation()
  const section = useRoute().params.section as Section | undefined
  const known = section !== undefined && section in SECTIONS
  useEffect(() => {
    if (!known) route('/settings/you', true)
  }, [known])
  if (!known) return null
  const Shown = SECTIONS[section]
  const open = (Object.keys(SECTIONS) as Section[]).filter((one) => {
    const action = NEEDS[one]
    return !action || may(action)
  })
  return (
    <Page title={t.settings.sections[section]} lead={t.settings.leads[section]}>
      <Tabs label={t.shell.names['/settings']} pages={open.map((one) => [`/settings/${one}`, t.settings.sections[one]] as const)} />
      <div class="stack section">
        <Shown />
      </div>
    </Page>
  )
}
