import { render } from 'preact'
import { chooseWords } from './words'
import './parts/base.css'
import './parts/parts.css'

const place = document.getElementById('app')
if (!place) throw new Error('the page has no place for the app')
await chooseWords()
const { App } = await import('./shell/app')
render(<App />, place)
