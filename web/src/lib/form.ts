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
