// One-off runs of an environment: a command in a container of the release, once.

import { Anchor, NativeSelect, TextInput } from "@mantine/core";
import { runCreate } from "@segue/client";
import { runListInfiniteOptions, serviceListOptions } from "@segue/client/query";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { Page } from "../../components/Page";
import { Status } from "../../components/Status";
import { checks } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { pagesAt, whole } from "../../lib/pages";
import { runVerdict, typed } from "../../lib/runs";
import { splitWords } from "../../lib/words";
import { flags, type Place, useEnv, usePlace, useWhyNotHere } from "../env/place";

const LIMITS = [
  { value: "600", label: "10 minutes" },
  { value: "3600", label: "an hour" },
  { value: "21600", label: "6 hours" },
  { value: "86400", label: "a day" },
];

function Start({ place }: { place: Place }) {
  const env = useEnv();
  const navigate = useNavigate();
  const why =
    useWhyNotHere()("run") ?? (env.serving ? undefined : "Nothing has been deployed here yet.");
  const services = useQuery(whole(serviceListOptions({ path: place })));
  const handle = useApiForm({
    initial: { command: "", service: "", time_limit: "3600" },
    validate: checks.RunCreate,
    why,
    send: async ({ command, service, time_limit }) => {
      const { data } = await runCreate({
        path: place,
        body: {
          command: splitWords(command).words,
          service: service || undefined,
          time_limit: Number(time_limit),
        },
        throwOnError: true,
      });
      await navigate({
        to: "/apps/$app/$env/runs/$number",
        params: { app: place.app, env: place.env, number: String(data.number) },
      });
    },
  });
  const { form, busy } = handle;
  const { shell } = splitWords(form.values.command);
  return (
    <Card title="Start a run" flush>
      <Form of={handle} className={classes.form}>
        <TextInput
          label="Command"
          placeholder="python manage.py migrate"
          description={
            shell
              ? "No shell reads it: | > $ and the like are plain letters. For those: sh -c '…'"
              : "In the image, with the variables and secrets of the service."
          }
          inputWrapperOrder={["label", "input", "description", "error"]}
          w={420}
          maw="100%"
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("command")}
        />
        <NativeSelect
          label="As service"
          data={[
            { value: "", label: "web, or the only one" },
            ...(services.data?.items ?? []).map((one) => ({ value: one.name, label: one.name })),
          ]}
          {...form.getInputProps("service")}
        />
        <NativeSelect label="Stopped after" data={LIMITS} {...form.getInputProps("time_limit")} />
        <Act type="submit" why={why} loading={busy}>
          Start it
        </Act>
      </Form>
    </Card>
  );
}

export function Runs() {
  const place = usePlace();
  const list = useInfiniteQuery({
    ...runListInfiniteOptions({ path: place, query: { limit: 30 } }),
    ...pagesAt({ ...place }),
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Runs"
      name={`Runs of ${place.app} ${place.env}`}
      sub={`${place.app} ${place.env} · one-off commands in a container of the release`}
      command={`segue run ${flags(place)} -- COMMAND`}
    >
      <Start place={place} />
      <Card title="Newest first" flush>
        <Listing
          of={list}
          count={items.length}
          none="Nothing was run here yet. A migration, a look into the data: type its command above."
          label="Runs"
          head={["Run", "State", "Command", "As", "By", "When"]}
        >
          {items.map((run) => {
            const { tone, word } = runVerdict(run);
            return (
              <tr key={run.id}>
                <td>
                  <Anchor
                    size="sm"
                    renderRoot={(props) => (
                      <Link
                        to="/apps/$app/$env/runs/$number"
                        params={{ app: place.app, env: place.env, number: String(run.number) }}
                        {...props}
                      />
                    )}
                  >
                    run {run.number}
                  </Anchor>
                </td>
                <td>
                  <Status tone={tone}>{word}</Status>
                </td>
                <td>
                  <code>{typed(run.command)}</code>
                </td>
                <td>
                  {run.service}
                  <div className={classes.reason}>v{run.release}</div>
                </td>
                <td>{run.created_by}</td>
                <td>
                  <Ago at={run.created_at} />
                </td>
              </tr>
            );
          })}
        </Listing>
      </Card>
    </Page>
  );
}
