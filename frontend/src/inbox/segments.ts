// How many parts a text message is sent in: GSM 03.38 takes 160 characters (153 a part), anything else 70 (67).
// https://www.twilio.com/docs/glossary/what-sms-character-limit
const BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
)
const DOUBLE = new Set('^{}\\[~]|€\f')
const PLAIN: Record<string, string> = { '‘': "'", '’': "'", '“': '"', '”': '"', '–': '-', '—': '-', '…': '...', '\u00a0': ' ' }

export interface Parts {
  parts: number
  characters: number
  /** The first character for which 70 and not 160 fit into a part. */
  costly: string | undefined
  /** The same text with plain signs, where that makes it shorter. */
  plain: string | undefined
}

export function partsOf(text: string): Parts {
  const costly = [...text].find((one) => !BASIC.has(one) && !DOUBLE.has(one))
  const plain = costly === undefined ? undefined : text.replace(/[‘’“”–—…\u00a0]/g, (one) => PLAIN[one] ?? one)
  return {
    parts: costly === undefined ? septets(text) : units(text),
    characters: text.length,
    costly,
    plain: plain !== undefined && [...plain].every((one) => BASIC.has(one) || DOUBLE.has(one)) ? plain : undefined,
  }
}

function septets(text: string): number {
  const sizes = [...text].map((one) => (DOUBLE.has(one) ? 2 : 1))
  return pack(sizes, 160, 153)
}

function units(text: string): number {
  return pack([...text].map((one) => one.length), 70, 67)
}

/** A character of two units is never cut in two, so it may leave a place empty at the end of a part. */
function pack(sizes: number[], alone: number, joined: number): number {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= alone) return 1
  let parts = 1
  let used = 0
  for (const size of sizes) {
    if (used + size > joined) {
      parts += 1
      used = 0
    }
    used += size
  }
  return parts
}
