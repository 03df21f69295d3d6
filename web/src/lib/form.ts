// A form that is sent to the API: its values, what is wrong at which field, what is wrong elsewhere, and what others saved
// meanwhile. Invariants: one press is one request, whatever is pressed in between; what was typed is never thrown away by
// an error; what somebody else saved is shown before it is written over.

import { useForm } from "@mantine/form";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { fault, formFaults, type Places } from "../api/problem";

/** What fields hold: a text, a tick, the ticked ones of several, a file. */
export type Values = Record<string, string | boolean | string[] | File | null>;

type ChecksOf<V extends Values> = {
  [K in keyof V]?: (value: V[K], values: V) => string | null;
};

/** A form, as its page describes it. */
export interface FormSpec<V extends Values> extends Places {
  initial: V;
  /** Checks before sending; the API checks again and its word counts. */
  validate?: ChecksOf<V>;
  /** Why this person may not; then nothing is sent, whatever is pressed. */
  why?: string;
  /**
   * For what is there already and is changed: reads it anew. `initial` is then what the server has at present, and
   * follows it; what others saved comes into the form, or is shown where this person changed the same.
   */
  reread?: () => Promise<unknown>;
  /** Sends; `press` is the value of the button that was pressed. */
  send: (values: V, press: string) => Promise<unknown>;
}

const alike = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

export const MEANWHILE =
  "Somebody else saved meanwhile, so nothing of yours was saved. This is the newest now: look at it, and save again.";

/** Sends, and shows each fault at its field. */
export function useApiForm<V extends Values>(spec: FormSpec<V>) {
  const { initial, validate, why, reread, send } = spec;
  const form = useForm<V>({
    initialValues: initial,
    validate: (values) => {
      const errors: Record<string, string | null> = {};
      for (const field of Object.keys(validate ?? {})) {
        const value = values[field] as V[string];
        errors[field] = validate?.[field]?.(value, values) ?? null;
      }
      return errors;
    },
  });
  const [busy, setBusy] = useState(false);
  const [rest, setRest] = useState<string>();
  /** Fields that somebody else changed too, with what they hold on the server. */
  const [theirs, setTheirs] = useState<Partial<V>>({});
  const running = useRef(false);
  const element = useRef<HTMLFormElement>(null);
  const pressed = useRef<HTMLElement | null>(null);
  /** Raised when the focus is to be put where something is wrong, or back to the button. */
  const [turn, setTurn] = useState(0);
  const seen = useRef(initial);

  const saved = reread ? JSON.stringify(initial) : "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: what the server has is what changes the form
  useEffect(() => {
    if (!reread || alike(seen.current, initial)) return;
    const next = { ...form.getValues() };
    const both: Partial<V> = {};
    for (const key of Object.keys(initial) as (keyof V)[]) {
      if (alike(seen.current[key], initial[key])) continue;
      if (alike(next[key], seen.current[key]) || alike(next[key], initial[key]))
        next[key] = initial[key];
      else both[key] = initial[key];
    }
    seen.current = initial;
    form.setInitialValues(initial);
    form.setValues(next);
    setTheirs(both);
  }, [saved]);

  useEffect(() => {
    if (turn === 0) return;
    const at =
      element.current?.querySelector<HTMLElement>('[aria-invalid="true"]') ??
      element.current?.querySelector<HTMLElement>('[role="alert"]');
    // A button that was busy lost the focus.
    if (at) at.focus();
    else if (document.activeElement === document.body) pressed.current?.focus();
  }, [turn]);

  const refuse = (text: string) => {
    setRest(text);
    setTurn((was) => was + 1);
  };
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (running.current) return;
    if (why !== undefined) return refuse(why);
    const open = Object.keys(theirs);
    if (open.length > 0) return refuse("Choose first: keep yours, or take theirs.");
    const submitter = (event.nativeEvent as SubmitEvent).submitter as HTMLButtonElement | null;
    pressed.current = submitter;
    form.onSubmit(
      async (values) => {
        running.current = true;
        setBusy(true);
        setRest(undefined);
        try {
          await send(values, submitter?.value ?? "");
        } catch (error) {
          if (reread && fault(error).status === 412) {
            await reread().catch(() => undefined);
            setRest(MEANWHILE);
          } else {
            const told = formFaults(error, Object.keys(initial), spec);
            form.setErrors(told.byField);
            setRest(told.rest);
          }
        } finally {
          running.current = false;
          setBusy(false);
          setTurn((was) => was + 1);
        }
      },
      () => refuse(""),
    )(event);
  };
  /** Settles a field that both changed. */
  const choose = (field: string, whose: "mine" | "theirs") => {
    if (whose === "theirs") form.setFieldValue(field, theirs[field] as never);
    setTheirs(({ [field]: _, ...others }) => others as Partial<V>);
    setRest(undefined);
  };
  return { form, busy, rest, theirs, choose, onSubmit, element };
}

/** What a form's frame needs of it. */
export interface FormHandle {
  rest: string | undefined;
  theirs: Record<string, unknown>;
  choose: (field: string, whose: "mine" | "theirs") => void;
  onSubmit: (event: FormEvent<HTMLFormElement>) => void;
  element: React.RefObject<HTMLFormElement | null>;
}
