// Built into build/frontend, where both hosts take it from. `npm run dev` asks the API of a running `make up`.
import { defineConfig } from 'vite'

const api = process.env.LEADSRALLY_API ?? 'http://127.0.0.1:8000'

export default defineConfig({
  build: {
    outDir: '../build/frontend',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing inline: the content security policy allows no data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/files', '/docs', '/openapi.json', '/simulators'].map((path) => [
        path,
        { target: api, headers: { origin: api } },
      ]),
    ),
  },
})
