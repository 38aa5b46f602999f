// Which page an address stands for. Pages are loaded when they are first needed.
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ErrorBoundary, lazy, LocationProvider, Route, Router, useLocation } from 'preact-iso'
import { may, whoAmI } from '../api/client'
import { me, renew } from '../api/session'
import { asProblem, type Problem } from '../api/problem'
import { Confirmation } from '../parts/confirm'
import { Notice, Trouble } from '../parts/notice'
import { Button } from '../parts/button'
import { Toasts } from '../parts/toast'
import { Skeleton } from '../parts/waiting'
import { t } from '../words'
import { Page } from './page'
import { Rail } from './rail'
import './shell.css'

const LogIn = lazy(() => import('../account/log_in'))
const SignUp = lazy(() => import('../account/sign_up'))
const Invite = lazy(() => import('../account/invite'))
const Verify = lazy(() => import('../account/follow').then((page) => page.Verify))
const ChangeEmail = lazy(() => import('../account/follow').then((page) => page.ChangeEmail))
const Forgot = lazy(() => import('../account/forgot').then((page) => page.Forgot))
const Reset = lazy(() => import('../account/forgot').then((page) => page.Reset))
const Inbox = lazy(() => import('../inbox/inbox'))
const Channels = lazy(() => import('../channels/channels'))
const Connect = lazy(() => import('../channels/connect'))
const Numbers = lazy(() => import('../channels/numbers'))
const Channel = lazy(() => import('../channels/channel'))
const Templates = lazy(() => import('../channels/templates'))
const Notices = lazy(() => import('../notices/notices'))
const Contacts = lazy(() => import('../contacts/contacts'))
const NewContact = lazy(() => import('../contacts/new'))
const Imports = lazy(() => import('../contacts/imports/imports'))
const Import = lazy(() => import('../contacts/imports/import'))
const Segments = lazy(() => import('../contacts/segments/segments'))
const NewSegment = lazy(() => import('../contacts/segments/segment').then((page) => page.NewSegment))
const Segment = lazy(() => import('../contacts/segments/segment').then((page) => page.SegmentPage))
const Suppressions = lazy(() => import('../contacts/suppressions'))
const Pairs = lazy(() => import('../contacts/pairs'))
const Contact = lazy(() => import('../contacts/contact'))
const Leads = lazy(() => import('../leads/leads'))
const Lead = lazy(() => import('../leads/lead'))
const Settings = lazy(() => import('../settings/settings'))
const PolicyBanner = lazy(() => import('../settings/privacy/policy'))
const Parts = lazy(() => import('../parts/parts'))

/** Pages of a mail's link and of people without an account: open to everybody, whoever is logged in. */
const OPEN = /^\/(signup|verify|forgot|reset|invite|email|parts)\/?$/

export function App() {
  return (
    <LocationProvider>
      <ErrorBoundary onError={(error) => console.error(error)}>
        <Doors />
      </ErrorBoundary>
      <Confirmation />
      <Toasts />
    </LocationProvider>
  )
}

function Doors() {
  const { path } = useLocation()
  const open = OPEN.test(path)
  const [problem, setProblem] = useState<Problem>()
  const begin = async () => {
    setProblem(undefined)
    try {
      if (await renew()) await whoAmI()
      else me.value = null
    } catch (thrown) {
      setProblem(asProblem(thrown))
    }
  }
  useEffect(() => {
    if (!open && me.value === undefined) void begin()
  }, [open])
  if (open) return <OpenPages />
  if (me.value === null) return <LogIn />
  if (me.value === undefined) return problem ? <NotNow problem={problem} again={() => void begin()} /> : <Skeleton lines={1} />
  return <Rooms />
}

function OpenPages() {
  return (
    <Router>
      <Route path="/signup" component={SignUp} />
      <Route path="/verify" component={Verify} />
      <Route path="/forgot" component={Forgot} />
      <Route path="/reset" component={Reset} />
      <Route path="/invite" component={Invite} />
      <Route path="/email" component={ChangeEmail} />
      <Route path="/parts" component={Parts} />
    </Router>
  )
}

function Rooms() {
  return (
    <div class="shell">
      <Rail />
      {may('policy.read') && (
        <Aside>
          <PolicyBanner />
        </Aside>
      )}
      <Router>
        <Route path="/" component={() => <Elsewhere to="/inbox" />} />
        <Route path="/login" component={() => <Elsewhere to="/inbox" />} />
        <Route path="/inbox/:id?" component={Inbox} />
        <Route path="/channels" component={Channels} />
        <Route path="/channels/connect" component={Connect} />
        <Route path="/channels/numbers" component={Numbers} />
        <Route path="/channels/:id" component={Channel} />
        <Route path="/contacts" component={Contacts} />
        <Route path="/contacts/new" component={NewContact} />
        <Route path="/contacts/imports" component={Imports} />
        <Route path="/contacts/imports/:id" component={Import} />
        <Route path="/contacts/segments" component={Segments} />
        <Route path="/contacts/segments/new" component={NewSegment} />
        <Route path="/contacts/segments/:id" component={Segment} />
        <Route path="/contacts/suppressions" component={Suppressions} />
        <Route path="/contacts/duplicates" component={Pairs} />
        <Route path="/contacts/:id" component={Contact} />
        <Route path="/leads" component={Leads} />
        <Route path="/leads/:id" component={Lead} />
        <Route path="/templates" component={Templates} />
        <Route path="/notices" component={Notices} />
        <Route path="/settings/:section?" component={Settings} />
        <Route default component={Unknown} />
      </Router>
    </div>
  )
}

/** What comes when it has come, and holds nothing else up. */
function Aside({ children }: { children: ComponentChildren }) {
  return <ErrorBoundary onError={(error) => console.error(error)}>{children}</ErrorBoundary>
}

function Elsewhere({ to }: { to: string }) {
  const { route } = useLocation()
  useEffect(() => route(to, true), [to])
  return null
}

function Unknown() {
  return (
    <Page title={t.shell.unknown}>
      <Notice>
        {t.shell.unknownLead} <a href="/inbox">{t.shell.names['/inbox']}</a>
      </Notice>
    </Page>
  )
}

function NotNow({ problem, again }: { problem: Problem; again: () => void }) {
  return (
    <main class="page" id="content">
      <div class="inner">
        <Trouble problem={problem} />
        <div>
          <Button onClick={again}>{t.common.again}</Button>
        </div>
      </div>
    </main>
  )
}
