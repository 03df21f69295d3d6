// Errors of the API as people read them. Owns: turning anything thrown into a `Fault`.

import type { Failure, FieldError, Problem } from "@segue/client";

/** What went wrong, in the form every page shows it. */
export interface Fault {
  title: string;
  detail: string;
  hint?: string;
  code: string;
  status: number;
  requestId?: string;
  errors: FieldError[];
  failure?: Failure;
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "code" in value && "detail" in value;
}

/** What is said of a request without an answer, as the API would say it. */
function silent(code: "connection" | "timeout" | "unavailable", detail: string, status = 0) {
  return {
    title: "The server does not answer",
    detail,
    hint: "Try again: what you typed is still here, and nothing is done twice.",
    code,
    status,
    request_id: "",
  };
}

/** Whatever `fetch` threw, as a problem; a request that nobody waits for any more stays what it is. */
export function unreached(error: unknown): unknown {
  if (error instanceof DOMException && error.name === "TimeoutError")
    return silent("timeout", "It took too long. Whether it did what was asked is not known.");
  if (error instanceof TypeError)
    return silent("connection", "The request did not reach the server, or its answer was lost.");
  return error;
}

/** An answer that tells of an error without saying which: mostly of something in front of Segue. */
export function unexplained(error: unknown, status: number): unknown {
  if (isProblem(error)) return error;
  if (status >= 500) return silent("unavailable", `It answered ${status} and no reason.`, status);
  return {
    title: "Unexpected",
    detail: `The server answered ${status} and no reason.`,
    code: "unexpected",
    status,
    request_id: "",
  };
}

/** Makes a fault of whatever was thrown. */
export function fault(thrown: unknown): Fault {
  const error = unreached(thrown);
  if (isProblem(error)) {
    return {
      title: error.title,
      detail: error.detail,
      hint: error.hint,
      code: String(error.code),
      status: error.status,
      requestId: error.request_id,
      errors: error.errors ?? [],
      failure: error.failure,
    };
  }
  return {
    title: "Unexpected",
    detail: error instanceof Error ? error.message : "The answer could not be read.",
    code: "unexpected",
    status: 0,
    errors: [],
  };
}

/** A fault in one sentence, with what to do next. */
export function sentenceOf(error: unknown): string {
  const { detail, hint } = fault(error);
  return hint ? `${detail} — ${hint}` : detail;
}

/** The name of a form's field that a JSON pointer or a parameter names: `/email` is `email`. */
export function fieldOf(pointer: string): string {
  return pointer
    .replace(/^\//, "")
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}

/** Where a form shows what the API says of other places: by pointer and by code. */
export interface Places {
  /** Names of the document to fields of the form: `repo.url` is at `url`. */
  pointers?: Record<string, string>;
  /** Codes that belong to one field, though the API names no place. */
  codes?: Record<string, string>;
}

/**
 * Faults of a form: those at a field it has, by field, and one text for the rest.
 * The text is there whenever something was not said at a field.
 */
export function formFaults(
  error: unknown,
  fields: readonly string[],
  { pointers = {}, codes = {} }: Places = {},
): { byField: Record<string, string>; rest?: string } {
  const seen = fault(error);
  const byField: Record<string, string> = {};
  const others: string[] = [];
  for (const { pointer, detail } of seen.errors) {
    const told = fieldOf(pointer);
    const field = pointers[told] ?? told;
    const own = fields.includes(field)
      ? field
      : fields.find((name) => field.startsWith(`${name}.`));
    // Of what collides, a bare “is taken” says less than the problem's own sentence.
    const words = seen.status === 409 ? sentenceOf(error) : detail;
    if (own) byField[own] = byField[own] ? `${byField[own]}; ${words}` : words;
    else others.push(told ? `${told}: ${detail}` : detail);
  }
  if (Object.keys(byField).length > 0 && others.length === 0) return { byField };
  const text = others.length > 0 ? others.join("; ") : seen.detail;
  const rest = seen.hint ? `${text} — ${seen.hint}` : text;
  const place = codes[seen.code];
  return place && others.length === 0 ? { byField: { [place]: rest } } : { byField, rest };
}

/** Whether another try can help. */
export function worthRetry(error: unknown): boolean {
  const { status } = fault(error);
  return status === 0 || status >= 500;
}
