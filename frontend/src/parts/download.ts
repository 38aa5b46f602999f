/** Begin a download. The address is always answered as one, so the page stays. */
export function download({ url }: { url: string }): void {
  location.assign(url)
}
