// A field whose letters are hidden. The library's own one tells the fault beside it to nobody who cannot see it.

import { PasswordInput, type PasswordInputProps } from "@mantine/core";
import { useId } from "react";

export interface PasswordFieldProps extends PasswordInputProps {
  /** What is hidden: a password, a value. */
  what?: string;
}

export function PasswordField({ what = "password", ...props }: PasswordFieldProps) {
  const id = useId();
  const told = [props.description && `${id}-description`, props.error && `${id}-error`];
  return (
    <PasswordInput
      id={id}
      aria-invalid={props.error ? true : undefined}
      aria-describedby={told.filter(Boolean).join(" ") || undefined}
      visibilityToggleButtonProps={{ "aria-label": `Show the ${what}` }}
      {...props}
    />
  );
}
