// Meta asks for a word of ours before it sends anything. The API shows it once, so it is kept while the page is open.
import { useState } from 'preact/hooks'
import { useAct } from '../api/act'
import { answer, api, onceKey } from '../api/client'
import { Button } from '../parts/button'
import { Copyable } from '../parts/copy'
import { Notice, Trouble } from '../parts/notice'
import { t } from '../words'
import { finished } from './task'

export const shownOnce = new Map<string, string>()

export function VerifyToken({ channel }: { channel: string }) {
  const [token, setToken] = useState(shownOnce.get(channel))
  const renew = useAct(async () => {
    const params = { path: { channel_id: channel }, header: onceKey() }
    const { verify_token, task } = await answer(api.POST('/v1/channels/{channel_id}/verify-token', { params }))
    await finished(task)
    shownOnce.set(channel, verify_token)
    setToken(verify_token)
  })
  return (
    <>
      {token ? (
        <Notice tone="good">
          <div class="stack tight">
            <span>{t.channels.verifyToken}</span>
            <Copyable text={token} label={t.channels.verifyToken} />
          </div>
        </Notice>
      ) : (
        <div>
          <Button busy={renew.busy} onClick={() => void renew.run()}>
            {t.channels.newVerifyToken}
          </Button>
        </div>
      )}
      <Trouble problem={renew.problem} />
    </>
  )
}
