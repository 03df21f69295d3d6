// Locks and freeze windows of an app: when nothing is deployed, who says so, and why.

import { environmentListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { Page } from "../../components/Page";
import { AppFrame, type AppPath } from "./AppFrame";
import { Freezes } from "./Freezes";
import { Locks } from "./Locks";

function Both({ path }: { path: AppPath }) {
  const envs = useQuery(environmentListOptions({ path, query: { limit: 100 } }));
  const items = envs.data?.items ?? [];
  return (
    <>
      <Locks path={path} envs={items} />
      <Freezes path={path} envs={items} />
    </>
  );
}

export function Holds() {
  return (
    <AppFrame>
      {(_, path) => (
        <Page
          title="Locks"
          name={`Locks of ${path.app}`}
          sub={`${path.app} · when nothing is deployed; rollbacks always are`}
          command={`segue locks -a ${path.app} -t ${path.team}`}
        >
          <Both path={path} />
        </Page>
      )}
    </AppFrame>
  );
}
