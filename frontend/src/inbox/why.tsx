// Why one message was sent, waits or was refused: the rule and the consent that stood, as it was stored at that time.
import { useState } from 'preact/hooks'
import { answer, api, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { sourceName } from '../consent/permissions'
import { Time } from '../parts/time'
import { Loaded } from '../parts/waiting'
import { t } from '../words'

export function WhyButton({ message, refused }: { message: string; refused: boolean }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <button type="button" class="link" aria-expanded={open} onClick={() => setOpen(!open)}>
        {refused ? t.why.refused : t.why.sent}
      </button>
      {open && <Reasons message={message} />}
    </>
  )
}

function Reasons({ message }: { message: string }) {
  const found = useLive(() => answer(api.GET('/v1/messages/{message_id}/why', { params: { path: { message_id: message } } })), [message])
  return (
    <div class="reasons">
      <Loaded data={found.data} problem={found.problem} reload={() => void found.reload()} lines={2}>
        {({ explanation, verdict, consent }) => (
          <>
            <ul>
              {explanation.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
            {verdict && (
              <p class="soft">
                {t.why.decided} <Time at={verdict.at} /> · <code>{verdict.rule}</code>
              </p>
            )}
            {consent.length > 0 ? (
              <>
                <p class="soft">{t.why.stood}</p>
                <ul>
                  {consent.map((one) => (
                    <Evidence key={one.id} event={one} />
                  ))}
                </ul>
              </>
            ) : (
              <p class="soft">{t.why.nothingStood}</p>
            )}
          </>
        )}
      </Loaded>
    </div>
  )
}

function Evidence({ event: one }: { event: Schemas['ConsentEvent'] }) {
  return (
    <li>
      {t.consentActions[one.action]} {t.channelNames[one.channel]} · {t.purposes[one.purpose]}, {sourceName(one.source)}, <Time at={one.occurred_at} />
      {one.wording && (
        <blockquote>
          <bdi>{one.wording}</bdi>
        </blockquote>
      )}
    </li>
  )
}
