/** Begin a download. The address is always answered as one, so the page stays. */
export function download({ url }: { url: string }): void {
  location.assign(url)
}

/** Save what was fetched with the token of this tab, which an address alone would not carry. */
export function save(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
