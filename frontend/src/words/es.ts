import type { Words } from './en'
import { en } from './en'

export const es: Words = en
