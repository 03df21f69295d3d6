// Who changed what: filtered, exported, and proved to be whole.

import { Button, TextInput } from "@mantine/core";
import { auditVerify } from "@segue/client";
import { auditListInfiniteOptions } from "@segue/client/query";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTeam, useWhyNot } from "../../api/hooks";
import { signedFetch } from "../../api/http";
import { sentenceOf } from "../../api/problem";
import { accessToken } from "../../api/session";
import { Act } from "../../components/Act";
import { Ago } from "../../components/Ago";
import { Card, Empty } from "../../components/Card";
import { Form } from "../../components/Form";
import { Listing } from "../../components/Listing";
import { toast } from "../../components/toast";
import { actionCheck, resourceCheck } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { number } from "../../lib/format";
import { pagesAt } from "../../lib/pages";
import { TeamPage } from "./TeamPage";
import own from "./team.module.css";

/** What is exported at once; more goes by the command line. */
async function download(team: string, filter: Record<string, string>): Promise<void> {
  const query = new URLSearchParams(filter);
  const headers = { Accept: "text/csv", Authorization: `Bearer ${(await accessToken()) ?? ""}` };
  const response = await signedFetch(
    `/v1/teams/${encodeURIComponent(team)}/audit-events?${query}`,
    { headers },
  );
  if (!response.ok) throw await response.json();
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = `audit-${team}.csv`;
  link.click();
  URL.revokeObjectURL(address);
}

/** What is kept beside the record: names and values; what there is none of is left out. */
function detailOf(detail: Record<string, unknown>): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

export function Audit() {
  const team = useTeam();
  const why = useWhyNot()("members");
  const [filter, setFilter] = useState<{ action?: string; resource?: string }>({});
  const path = { team: team.name };
  const list = useInfiniteQuery({
    ...auditListInfiniteOptions({ path, query: { limit: 50, ...filter } }),
    ...pagesAt(path),
    enabled: !why,
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  const handle = useApiForm({
    initial: { action: "", resource: "" },
    validate: { action: actionCheck, resource: resourceCheck },
    send: async ({ action, resource }) =>
      setFilter({ action: action.trim() || undefined, resource: resource.trim() || undefined }),
  });
  const verify = async () => {
    try {
      const { data } = await auditVerify({ path, throwOnError: true });
      const message = data.whole
        ? `All ${number(data.records)} records are whole and in order.`
        : `Record ${data.first_bad} was changed, moved or removed.`;
      toast({ message, color: data.whole ? "green" : "red" });
    } catch (error) {
      toast({ message: sentenceOf(error), color: "red" });
    }
  };
  const save = () =>
    download(
      team.name,
      Object.fromEntries(
        Object.entries(filter).filter((pair): pair is [string, string] => pair[1] !== undefined),
      ),
    ).catch((error: unknown) => toast({ message: sentenceOf(error), color: "red" }));
  return (
    <TeamPage title="Audit log" command={`segue audit -t ${team.name}`}>
      <Card
        title="Newest first"
        flush
        actions={
          <span>
            <Act size="compact-sm" variant="subtle" why={why} onClick={() => void verify()}>
              Check that it is whole
            </Act>
            <Act size="compact-sm" variant="subtle" why={why} onClick={() => void save()}>
              Export as CSV
            </Act>
          </span>
        }
      >
        {why ? (
          <Empty>{why}</Empty>
        ) : (
          <Form of={handle} className={own.filters}>
            <TextInput
              label="Action"
              placeholder="deployment_create"
              autoComplete="off"
              spellCheck={false}
              {...handle.form.getInputProps("action")}
            />
            <TextInput
              label="Resource"
              placeholder="its id"
              autoComplete="off"
              spellCheck={false}
              {...handle.form.getInputProps("resource")}
            />
            <Button type="submit" variant="default">
              Filter
            </Button>
          </Form>
        )}
        <Listing
          of={list}
          more="Older records"
          count={items.length}
          why={why}
          none="No record fits."
          label="Audit log"
          head={["Number", "When", "Who", "Action", "What", "From"]}
        >
          {items.map((one) => (
            <tr key={one.seq}>
              <td>{one.seq}</td>
              <td>
                <Ago at={one.at} />
              </td>
              <td>{one.actor_name}</td>
              <td>
                <code>{one.action}</code>
              </td>
              <td>
                <code className={own.detail}>
                  {one.resource} {detailOf(one.detail)}
                </code>
              </td>
              <td>{one.address ?? "–"}</td>
            </tr>
          ))}
        </Listing>
      </Card>
    </TeamPage>
  );
}
