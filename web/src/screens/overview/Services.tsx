// Services with their scale. Scaling is shown at once and taken back if the server refuses.

import { ActionIcon, Tooltip } from "@mantine/core";
import { type Instance, type ServicePage, type ServiceView, serviceUpdate } from "@segue/client";
import { serviceListQueryKey } from "@segue/client/query";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { sentenceOf } from "../../api/problem";
import { Empty, Table } from "../../components/Card";
import classes from "../../components/components.module.css";
import { IconMinus, IconPlus } from "../../components/icons";
import { Status, type Tone } from "../../components/Status";
import { toast } from "../../components/toast";
import { bytes, cpus } from "../../lib/format";
import { usePlace, useWhyNotHere } from "../env/place";
import own from "./overview.module.css";

function how(service: ServiceView): { tone: Tone; word: string } {
  const { desired, ready } = service.replicas;
  const word = `${ready}/${desired} ready`;
  if (desired === 0) return { tone: "idle", word: "scaled to 0" };
  if (ready >= desired) return { tone: "ok", word };
  return { tone: ready === 0 ? "bad" : "warn", word };
}

function Scale({ service }: { service: ServiceView }) {
  const place = usePlace();
  const queries = useQueryClient();
  const why = useWhyNotHere()("scale");
  const key = serviceListQueryKey({ path: place });
  const data = service.spec.kind === "data";
  const reason = why ?? (data ? "A data service has exactly one instance." : undefined);
  const set = useMutation({
    mutationFn: (replicas: number) =>
      serviceUpdate({
        path: { ...place, service: service.name },
        body: { replicas },
        throwOnError: true,
      }),
    onMutate: (replicas) => {
      queries.setQueryData<ServicePage>(
        key,
        (page) =>
          page && {
            ...page,
            items: page.items.map((one) =>
              one.name === service.name
                ? { ...one, replicas: { ...one.replicas, desired: replicas } }
                : one,
            ),
          },
      );
    },
    onError: (error) => {
      toast({
        color: "red",
        title: `${service.name} was not scaled`,
        message: sentenceOf(error),
      });
    },
    onSettled: () => queries.invalidateQueries({ queryKey: key }),
  });
  const { desired } = service.replicas;
  const button = (to: number, words: string, Icon: typeof IconPlus, none?: string) => {
    const no = reason ?? none;
    return (
      <Tooltip label={no ?? words} events={{ hover: true, focus: true, touch: true }}>
        <ActionIcon
          variant="default"
          aria-label={no ? `${words}: not possible. ${no}` : words}
          aria-disabled={no ? true : undefined}
          data-disabled={no ? true : undefined}
          onClick={() => !no && set.mutate(to)}
        >
          <Icon />
        </ActionIcon>
      </Tooltip>
    );
  };
  return (
    <span className={own.scale}>
      {button(
        desired - 1,
        `Scale ${service.name} to ${desired - 1}`,
        IconMinus,
        desired <= 0 ? "It is at 0." : undefined,
      )}
      <output aria-label={`${service.name}: ${desired} wanted`}>{desired}</output>
      {button(desired + 1, `Scale ${service.name} to ${desired + 1}`, IconPlus)}
    </span>
  );
}

export function Services({
  services,
  instances,
}: {
  services: ServiceView[];
  instances: Instance[];
}) {
  if (services.length === 0) {
    return <Empty>No service yet: the first deployment brings them.</Empty>;
  }
  return (
    <Table label="Services" head={["Service", "State", "Runs", "Resources each", "Instances"]}>
      {services.map((service) => {
        const { tone, word } = how(service);
        const { spec } = service;
        const restarts = instances
          .filter((one) => one.service === service.name)
          .reduce((sum, one) => sum + one.restarts, 0);
        return (
          <tr key={service.name}>
            <td>
              <strong>{service.name}</strong>{" "}
              <span className={classes.muted}>{spec.kind ?? "web"}</span>
            </td>
            <td>
              <Status tone={tone}>{word}</Status>
              {restarts > 0 && <div className={classes.reason}>{restarts} restarts</div>}
            </td>
            <td>
              <code>{spec.command ?? spec.argv?.join(" ") ?? "the image’s command"}</code>
              {spec.port !== undefined && <div className={classes.reason}>port {spec.port}</div>}
            </td>
            <td>
              {spec.resources?.cpu_millis !== undefined
                ? `${cpus(spec.resources.cpu_millis)} CPU`
                : "–"}
              {spec.resources?.memory_bytes !== undefined
                ? `, ${bytes(spec.resources.memory_bytes)}`
                : ""}
            </td>
            <td>
              <Scale service={service} />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
