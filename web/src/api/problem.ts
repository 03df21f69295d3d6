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

/** Makes a fault of whatever was thrown. */
export function fault(error: unknown): Fault {
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
  if (error instanceof TypeError) {
    return {
      title: "The server does not answer",
      detail: "The request did not reach the server, or its answer was lost.",
      hint: "Check the connection; nothing is lost, try again.",
      code: "connection",
      status: 0,
      errors: [],
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

/** The name of a form's field that a JSON pointer or a parameter names: `/email` is `email`. */
export function fieldOf(pointer: string): string {
  return pointer
    .replace(/^\//, "")
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}

/**
 * Faults of a form: those at a field it has, by field, and one text for the rest.
 * The text is there whenever something was not said at a field.
 */
export function formFaults(
  error: unknown,
  fields: readonly string[],
): { byField: Record<string, string>; rest?: string } {
  const seen = fault(error);
  const byField: Record<string, string> = {};
  const others: string[] = [];
  for (const { pointer, detail } of seen.errors) {
    const field = fieldOf(pointer);
    const own = fields.includes(field)
      ? field
      : fields.find((name) => field.startsWith(`${name}.`));
    if (own) byField[own] = byField[own] ? `${byField[own]}; ${detail}` : detail;
    else others.push(field ? `${field}: ${detail}` : detail);
  }
  if (Object.keys(byField).length > 0 && others.length === 0) return { byField };
  const text = others.length > 0 ? others.join("; ") : seen.detail;
  return { byField, rest: seen.hint ? `${text} — ${seen.hint}` : text };
}

/** Whether another try can help. */
export function worthRetry(error: unknown): boolean {
  const { status } = fault(error);
  return status === 0 || status >= 500;
}
