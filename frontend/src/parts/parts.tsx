// Every part on one page, to look at when one is changed.
import { useState } from 'preact/hooks'
import { Problem } from '../api/problem'
import { Page } from '../shell/page'
import { t } from '../words'
import { Button, IconButton, LinkButton } from './button'
import { Copyable } from './copy'
import { Dialog } from './dialog'
import { Field, Lines, Select, Switch, Tick } from './field'
import { later } from './later'
import { Badge, Notice, Trouble } from './notice'
import { Tabs } from './tabs'
import { Time } from './time'
import { say } from './toast'
import { Empty, Skeleton } from './waiting'

const NOTHING = () => undefined

export default function Parts() {
  const [text, setText] = useState('')
  const [ticked, setTicked] = useState(true)
  const [open, setOpen] = useState(false)
  return (
    <Page title="Parts" lead="What every page is made of.">
      <section class="card stack">
        <h2>Buttons</h2>
        <div class="row">
          <Button kind="primary" onClick={NOTHING}>
            Primary
          </Button>
          <Button onClick={NOTHING}>Plain</Button>
          <Button kind="quiet" onClick={NOTHING}>
            Quiet
          </Button>
          <Button kind="danger" onClick={NOTHING}>
            Danger
          </Button>
          <Button icon="send" busy onClick={NOTHING}>
            Busy
          </Button>
          <LinkButton href="/parts" icon="plus">
            A link
          </LinkButton>
          <IconButton icon="close" label="An icon" onClick={NOTHING} />
        </div>
      </section>
      <section class="card form">
        <h2>Fields</h2>
        <Field label="A field" hint="With a hint." value={text} onInput={setText} placeholder="Example" />
        <Field label="A field that is wrong" wrong="It holds a character that no number has." value="+1 x" onInput={NOTHING} />
        <Select
          label="A choice"
          value="b"
          options={[
            ['a', 'One'],
            ['b', 'Two'],
          ]}
          onInput={NOTHING}
        />
        <Lines label="Several lines" value={text} onInput={setText} />
        <label class="choice">
          <input type="radio" name="choice" checked readOnly />
          <span>
            One of several
            <span class="hint">What it means.</span>
          </span>
        </label>
        <Tick label="A tick" hint="What it means." checked={ticked} onInput={setTicked} />
        <Switch label="A switch" hint="Counts at once." on={ticked} flip={(on) => Promise.resolve(setTicked(on))} />
      </section>
      <section class="card stack">
        <h2>Notices</h2>
        <Notice>Good to know.</Notice>
        <Notice tone="good">It went well.</Notice>
        <Notice tone="warn">Look at this.</Notice>
        <Trouble problem={new Problem(422, 'malformed', 'Some fields are not as they should be.', [{ field: 'body.email', problem: 'Field required' }])} />
        <div class="row">
          <Badge>plain</Badge>
          <Badge tone="good">good</Badge>
          <Badge tone="warn">warn</Badge>
          <Badge tone="bad">bad</Badge>
          <Time at="2026-04-17T09:30:00Z" />
        </div>
        <Copyable text="https://app.example.com" label="address" />
      </section>
      <section class="card stack">
        <h2>Pages, figures and progress</h2>
        <Tabs
          label="Pages beside each other"
          pages={[
            ['/parts', 'This one'],
            ['/login', 'Another'],
          ]}
        />
        <dl class="tally">
          <div>
            <dt>New</dt>
            <dd class="number">9,900</dd>
          </div>
          <div>
            <dt>Not taken</dt>
            <dd class="number">100</dd>
          </div>
        </dl>
        <progress class="wide" aria-label="Progress" max={100} value={40} />
        <table class="table">
          <thead>
            <tr>
              <th>What</th>
              <th class="figure">How many</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <td>A row</td>
              <td class="number figure">1,234</td>
            </tr>
          </tbody>
        </table>
      </section>
      <section class="card stack">
        <h2>In front and below</h2>
        <div class="row">
          <Button onClick={() => setOpen(true)}>A dialog</Button>
          <Button onClick={() => say('It is done.')}>A toast</Button>
          <Button onClick={() => later('It is gone.', () => Promise.resolve(), NOTHING)}>A toast with undo</Button>
        </div>
        {open && (
          <Dialog title="A dialog" onClose={() => setOpen(false)}>
            <p>Esc closes it.</p>
            <div>
              <Button onClick={() => setOpen(false)}>{t.common.close}</Button>
            </div>
          </Dialog>
        )}
      </section>
      <section class="card stack">
        <h2>Before there is anything</h2>
        <Skeleton lines={3} />
        <Empty icon="inbox" title="Nothing yet">
          <p class="soft">What would be here, and how it comes to be here.</p>
        </Empty>
      </section>
    </Page>
  )
}
