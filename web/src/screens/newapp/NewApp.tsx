// A new app: where it comes from, what Segue makes of it, its variables, and its first deployment.

import type { SourcePlan } from "@segue/client";
import { useState } from "react";
import { useTeam, useWhyNot } from "../../api/hooks";
import { Card, Empty } from "../../components/Card";
import { Page } from "../../components/Page";
import { Plan } from "./Plan";
import { Start } from "./Start";

/** What the first step has brought. */
export interface Begun {
  app: string;
  env: string;
  /** An app of that name was there before. */
  there: boolean;
  image?: string;
  plan?: SourcePlan;
}

export function NewApp() {
  const team = useTeam();
  const why = useWhyNot()("create");
  const [begun, setBegun] = useState<Begun>();
  const command = begun
    ? begun.image
      ? `segue up --image ${begun.image} -a ${begun.app} -t ${team.name}`
      : `segue up -a ${begun.app} -t ${team.name}`
    : `segue up -t ${team.name}`;
  return (
    <Page title="New app" sub={`Team ${team.name}`} command={command}>
      {why ? (
        <Card title="Not possible">
          <Empty>{why}</Empty>
        </Card>
      ) : begun ? (
        <Plan team={team.name} begun={begun} />
      ) : (
        <Start team={team.name} onBegun={setBegun} />
      )}
    </Page>
  );
}
