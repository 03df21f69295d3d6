// A form that is sent to the API: its values, what is wrong at which field, and what is wrong elsewhere.

import { useForm } from "@mantine/form";
import { useState } from "react";
import { formFaults } from "../api/problem";

type Values = Record<string, string>;

/** Checks before sending; the API checks again and its word counts. */
export interface Checks<V extends Values> {
  initial: V;
  validate?: Partial<Record<keyof V & string, (value: string, values: V) => string | null>>;
  send: (values: V) => Promise<unknown>;
}

/** Sends, and shows each fault at its field. */
export function useApiForm<V extends Values>({ initial, validate, send }: Checks<V>) {
  const form = useForm<V>({
    initialValues: initial,
    validate: (values) => {
      const errors: Record<string, string | null> = {};
      for (const [field, check] of Object.entries(validate ?? {})) {
        errors[field] = (check as (value: string, values: V) => string | null)(
          values[field] ?? "",
          values,
        );
      }
      return errors;
    },
  });
  const [busy, setBusy] = useState(false);
  const [rest, setRest] = useState<string>();
  const onSubmit = form.onSubmit(async (values) => {
    setBusy(true);
    setRest(undefined);
    try {
      await send(values);
    } catch (error) {
      const seen = formFaults(error, Object.keys(initial));
      form.setErrors(seen.byField);
      setRest(seen.rest);
    } finally {
      setBusy(false);
    }
  });
  return { form, busy, rest, onSubmit };
}

/** Something has to be there. */
export const required = (what: string) => (value: string) =>
  value.trim() === "" ? `Give ${what}.` : null;

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** The grammar of names of teams, apps and environments. */
export function nameFault(what: string) {
  return (value: string): string | null => {
    if (value === "") return `Give ${what}.`;
    if (value.length > 40) return "At most 40 characters.";
    return NAME.test(value)
      ? null
      : "Small letters, digits and single dashes, beginning with a letter: my-app.";
  };
}

/** Enough of an address to be worth sending. */
export function emailFault(value: string): string | null {
  if (value.trim() === "") return "Give an e-mail address.";
  if (value.length > 254) return "At most 254 characters.";
  return /^[^@\s]+@[^@\s]+$/.test(value) ? null : "An e-mail address looks like ada@example.com.";
}

/** A new password. */
export function passwordFault(value: string): string | null {
  if ([...value].length < 10) return "At least 10 characters.";
  return value.length > 256 ? "At most 256 characters." : null;
}
