// API tokens of the person.

import { tokenCreate, tokenDelete } from "@segue/client";
import { tokenListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { TokenCard } from "../tokens/TokenCard";

export function Tokens({ team }: { team: string }) {
  const list = useQuery(tokenListOptions({ query: { team } }));
  return (
    <TokenCard
      title="API tokens"
      none="No token. The command line makes one when you sign in."
      list={list}
      scopes={["read", "deploy", "write", "admin"]}
      label="Name of a new token"
      onMake={async (body) => {
        const { data } = await tokenCreate({ query: { team }, body, throwOnError: true });
        return data;
      }}
      onRevoke={({ id }) =>
        tokenDelete({ query: { team }, path: { token: id }, throwOnError: true })
      }
    />
  );
}
