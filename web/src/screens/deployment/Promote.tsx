// Takes what runs here, the same image, to another environment of the app.

import { Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { type Deployment, deploymentPromote } from "@segue/client";
import { environmentListOptions } from "@segue/client/query";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useHold } from "../../api/holds";
import { useWhyNot } from "../../api/hooks";
import { Act } from "../../components/Act";
import { FaultBox } from "../../components/FaultBox";
import { holdSentence } from "../../lib/holds";
import type { Place } from "../env/place";

export interface PromoteProps {
  place: Place;
  deployment: Deployment;
  opened: boolean;
  onClose: () => void;
}

export function Promote({ place, deployment, opened, onClose }: PromoteProps) {
  const { team, app, env } = place;
  const navigate = useNavigate();
  const whyNot = useWhyNot();
  const envs = useQuery({
    ...environmentListOptions({ path: { team, app }, query: { limit: 100 } }),
    enabled: opened,
  });
  const others = (envs.data?.items ?? []).filter((one) => one.name !== env);
  const [chosen, setChosen] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const to = others.find((one) => one.name === chosen) ?? others[0];
  const hold = useHold({ team, app }, to?.id);
  const go = async () => {
    if (!to) return;
    setBusy(true);
    setError(undefined);
    try {
      const path = { ...place, number: deployment.number };
      const { data } = await deploymentPromote({ path, body: { to: to.name }, throwOnError: true });
      onClose();
      if ("number" in data) {
        await navigate({
          to: "/apps/$app/$env/deployments/$number",
          params: { app, env: to.name, number: String(data.number) },
        });
      }
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`Promote v${deployment.release}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack gap="md">
        <Text size="sm">
          The same image runs in the other environment, with that environment’s own configuration,
          secrets, addresses and scale. Nothing is built again.
        </Text>
        {error !== undefined && <FaultBox error={error} />}
        <NativeSelect
          label="To"
          data={others.map((one) => one.name)}
          value={to?.name ?? ""}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
        <Act
          loading={busy}
          why={
            to
              ? (whyNot("deploy", to.protected) ?? (hold && holdSentence(hold)))
              : "The app has no other environment."
          }
          onClick={() => void go()}
        >
          {to ? `Promote to ${to.name}` : "Promote"}
        </Act>
      </Stack>
    </Modal>
  );
}
