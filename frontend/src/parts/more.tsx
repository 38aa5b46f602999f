import { useAct } from '../api/act'
import type { Pages } from '../api/pages'
import { t } from '../words'
import { Button } from './button'
import { Trouble } from './notice'

/** The way to the next page of a list, and why it did not come; before there is a first one, `Loaded` speaks. */
export function More<T>({ of: { items, problem, hasMore, more }, label = t.common.more }: { of: Pages<T>; label?: string }) {
  const ask = useAct(more)
  if (!items) return null
  return (
    <>
      <Trouble problem={problem} />
      {hasMore && (
        <div>
          <Button busy={ask.busy} onClick={() => void ask.run()}>
            {label}
          </Button>
        </div>
      )}
    </>
  )
}
