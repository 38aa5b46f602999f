// What went wrong, with the sentence that says what to do. The API's are RFC 9457 problems; they are shown as they come.
import { t } from '../words'

export interface FieldProblem {
  field: string
  problem: string
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly sentence: string,
    readonly fields: FieldProblem[] = [],
  ) {
    super(sentence)
  }

  /** Whether asking again later may help: nothing came back, or the other side broke. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }

  /** What is wrong with one field of the body, if that was told. */
  of(field: string): string | undefined {
    return this.fields.find((found) => found.field === field || found.field === `body.${field}`)?.problem
  }
}

export function problemOf(status: number, body: unknown): Problem {
  if (typeof body === 'object' && body !== null && 'detail' in body && 'code' in body) {
    const told = body as { code: string; detail: string; errors?: FieldProblem[] | null }
    return new Problem(status, told.code, told.detail, told.errors ?? [])
  }
  return new Problem(status, 'broken', t.problem.broken)
}

/** Anything that was thrown, as a problem that can be shown. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown
  if (thrown instanceof TypeError) return new Problem(0, 'offline', t.problem.offline)
  throw thrown
}
