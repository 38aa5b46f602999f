// The first words to somebody: a text by SMS, a template by WhatsApp. Whether they may go, the gate decides.
import { useLocation } from 'preact-iso'
import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, may, onceKey, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { TemplatePicker } from '../inbox/template_picker'
import { Button } from '../parts/button'
import { Dialog } from '../parts/dialog'
import { Lines, Select } from '../parts/field'
import { Trouble } from '../parts/notice'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

type Message = Schemas['Opening']['message']
type Purpose = NonNullable<Schemas['Opening']['purpose']>

export function WriteFirst({ contact }: { contact: string }) {
  const [open, setOpen] = useState(false)
  if (!may('conversations.write')) return null
  return (
    <>
      <Button kind="primary" icon="send" onClick={() => setOpen(true)}>
        {t.first.write}
      </Button>
      {open && (
        <Dialog title={t.first.write} onClose={() => setOpen(false)}>
          <Writing contact={contact} />
        </Dialog>
      )}
    </>
  )
}

function Writing({ contact }: { contact: string }) {
  const { route } = useLocation()
  const channels = useLive(() => answer(api.GET('/v1/channels')), [])
  const [chosen, setChosen] = useState('')
  const [text, setText] = useState('')
  const [purpose, setPurpose] = useState<Purpose>('service')
  const [key, setKey] = useState(onceKey)
  useEffect(() => setKey(onceKey()), [chosen, text, purpose])
  const open = async (channel_id: string, message: Message, header = key) => {
    const { conversation_id } = await answer(
      api.POST('/v1/conversations', { params: { header }, body: { contact_id: contact, channel_id, message, purpose } }),
    )
    route(`/inbox/${conversation_id}`)
  }
  const send = useAct((channel: string) => open(channel, { body: text, uploads: [], reply_to: null }))
  return (
    <Loaded data={channels.data?.items} problem={channels.problem} reload={() => void channels.reload()} lines={2}>
      {(all) => {
        const usable = all.filter((one) => one.kind !== 'lead_ads' && one.state === 'active')
        const channel = usable.find((one) => one.id === chosen) ?? usable.find((one) => one.kind === 'sms') ?? usable[0]
        if (!channel) return <p class="soft">{t.first.noChannel}</p>
        const which = <Select label={t.inbox.channel} value={channel.id} options={usable.map((one) => [one.id, `${t.channelKinds[one.kind]} · ${one.name || one.number || ''}`] as const)} onInput={setChosen} />
        if (channel.kind === 'whatsapp') {
          return (
            <div class="stack">
              {which}
              <p class="small soft">{t.first.templatesOnly}</p>
              <TemplatePicker send={(draft, header) => open(channel.id, { ...draft, upload: null }, header)} />
            </div>
          )
        }
        return (
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault()
              void send.run(channel.id)
            }}
          >
            {which}
            <Select label={t.consent.purpose} hint={t.first.purposeHints[purpose]} value={purpose} options={(['service', 'marketing'] as const).map((one) => [one, t.purposes[one]] as const)} onInput={setPurpose} />
            <Lines label={t.first.text} value={text} onInput={setText} maxLength={1600} required />
            <Trouble problem={send.problem} />
            <div>
              <Button kind="primary" icon="send" type="submit" busy={send.busy} disabled={!text.trim()}>
                {t.inbox.send}
              </Button>
            </div>
          </form>
        )
      }}
    </Loaded>
  )
}
