// What somebody waits for on the page: asked about again and again, more rarely as it takes longer.
const FIRST = 400
const SLOWEST = 4000

/** What `ask` finds once it finds something; undefined when that takes longer than `patience` milliseconds. */
export async function until<T>(ask: () => Promise<T | undefined>, patience: number): Promise<T | undefined> {
  const begun = Date.now()
  for (let pause = FIRST; Date.now() - begun <= patience; pause = Math.min(pause * 1.5, SLOWEST)) {
    await new Promise((resolve) => setTimeout(resolve, pause))
    const found = await ask()
    if (found !== undefined) return found
  }
  return undefined
}
