// Signing in by password.

import { sessionCreate } from "@segue/client";
import { adopt, announce } from "./session";

/** Signs in; throws the API's problem. */
export async function signIn(email: string, password: string): Promise<void> {
  const { data } = await sessionCreate({ body: { email, password }, throwOnError: true });
  adopt(data);
  announce();
}
