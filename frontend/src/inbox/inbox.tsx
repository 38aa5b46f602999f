import { Page } from '../shell/page'
import { t } from '../words'

export default function Inbox() {
  return <Page title={t.shell.names['/inbox']}>{null}</Page>
}
