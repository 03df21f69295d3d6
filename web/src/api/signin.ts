// Signing in by password.

import { client } from "@segue/client";
import { adopt, type SignedIn } from "./session";

/** Signs in; throws the API's problem. */
export async function signIn(email: string, password: string): Promise<void> {
  const { data } = await client.post<{ 200: SignedIn }, unknown, true>({
    url: "/v1/auth/login",
    body: { email, password },
    headers: { "Content-Type": "application/json" },
    throwOnError: true,
  });
  adopt(data as SignedIn);
}
