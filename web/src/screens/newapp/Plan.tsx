// The second step: what was found, what of it may be changed, variables (required ones first), and off it goes.

import { Button, NumberInput, Stack, TextInput } from "@mantine/core";
import {
  configUpdate,
  deploymentCreate,
  type Kind,
  secretSet,
  specGet,
  specPut,
} from "@segue/client";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Card, Empty } from "../../components/Card";
import classes from "../../components/components.module.css";
import { Form } from "../../components/Form";
import { HoldNote } from "../../components/HoldNote";
import { PasswordField } from "../../components/PasswordField";
import { SecretHint } from "../../components/SecretHint";
import { Status } from "../../components/Status";
import { serviceCommandCheck, valueCheck } from "../../lib/checks";
import { useApiForm } from "../../lib/form";
import { type Edited, editedServices, unchanged } from "../../lib/plan";
import type { Begun } from "./NewApp";
import own from "./newapp.module.css";

export function Plan({ team, begun }: { team: string; begun: Begun }) {
  const { app, env, plan, image, there } = begun;
  const path = { team, app, env };
  const navigate = useNavigate();
  const first: Edited[] = plan
    ? plan.services.map((one) => ({
        name: one.name,
        kind: one.kind,
        command: one.command ?? "",
        port: one.port,
        replicas: one.replicas,
      }))
    : [{ name: "web", kind: "web" as Kind, command: "", port: undefined, replicas: 1 }];
  const [services, setServices] = useState(first);
  const wanted = [...(plan?.variables ?? [])].sort(
    (a, b) => Number(b.required && !b.set) - Number(a.required && !a.set),
  );
  /** Plain variables that are to be kept as secrets instead. */
  const [sealed, setSealed] = useState<ReadonlySet<string>>(new Set());
  const fixed = plan?.has_manifest ?? false;
  const lacks = (one: { key: string; required: boolean; set: boolean }, value: string) =>
    one.required && !one.set && value === "";
  const handle = useApiForm<Record<string, string>>({
    // Keys of variables have no dot and no capital beside a colon: nothing collides.
    initial: Object.fromEntries([
      ...wanted.map((one) => [one.key, ""]),
      ...services.map((one) => [`command:${one.name}`, one.command]),
    ]),
    validate: Object.fromEntries([
      ...wanted.map((one) => [
        one.key,
        (value: string) => (lacks(one, value) ? "Required." : valueCheck(value)),
      ]),
      ...services.map((one) => [`command:${one.name}`, serviceCommandCheck]),
    ]),
    pointers: Object.fromEntries([
      ...services.map((one) => [`services.${one.name}.command`, `command:${one.name}`]),
      ...wanted.map((one) => [`values.${one.key}`, one.key]),
    ]),
    send: async (values) => {
      const plain: Record<string, string> = {};
      for (const variable of wanted) {
        const value = values[variable.key];
        if (value === undefined || value === "") continue;
        if (variable.origin.includes("secret") || sealed.has(variable.key)) {
          await secretSet({
            path: { ...path, key: variable.key },
            query: { deploy: false },
            body: { value },
            throwOnError: true,
          });
        } else plain[variable.key] = value;
      }
      if (Object.keys(plain).length > 0)
        await configUpdate({ path, query: { deploy: false }, body: plain, throwOnError: true });
      const edited = services.map((one) => ({
        ...one,
        command: values[`command:${one.name}`] ?? one.command,
      }));
      if (!fixed && (image || !unchanged(first, edited))) {
        const { data: spec } = await specGet({ path, throwOnError: true });
        const headers = { "If-Match": `"${spec.generation}"` };
        await specPut({
          path,
          headers,
          body: { ...spec.spec, services: editedServices(edited) },
          throwOnError: true,
        });
      }
      const body = image ? { image } : { source: plan?.sha256 };
      const { data } = await deploymentCreate({ path, body, throwOnError: true });
      await navigate({
        to: "/apps/$app/$env/deployments/$number",
        params: { app, env, number: String(data.number) },
      });
    },
  });
  const { form, busy } = handle;
  const values = form.values;
  const missing = wanted.filter((one) => lacks(one, values[one.key] ?? "")).map((one) => one.key);
  const tried = Object.keys(form.errors).length > 0;
  const edit = (name: string, change: Partial<Edited>) =>
    setServices((was) => was.map((one) => (one.name === name ? { ...one, ...change } : one)));
  return (
    <Form of={handle} className={own.whole}>
      <HoldNote path={{ team, app }} />
      {there && (
        <div className={classes.note} role="status">
          There is an app {app} in this team already. Deploying takes the place of what its {env}{" "}
          serves; for an app of its own, go back and give another name.
        </div>
      )}
      <Card title="What Segue makes of it">
        <Stack gap="sm">
          <div>
            <strong>{image ? `Runs the image ${image}` : plan?.summary}</strong>
          </div>
          {plan && (
            <dl className={own.facts}>
              <dt>Builder</dt>
              <dd>
                {plan.builder}
                {plan.version ? ` ${plan.version}` : ""}
              </dd>
              {plan.image && (
                <>
                  <dt>Base image</dt>
                  <dd>{plan.image}</dd>
                </>
              )}
              {plan.why.length > 0 && (
                <>
                  <dt>Because</dt>
                  <dd>{plan.why.join("; ")}</dd>
                </>
              )}
            </dl>
          )}
          {plan?.dockerfile && (
            <details>
              <summary>The Dockerfile</summary>
              <pre className={classes.evidence}>{plan.dockerfile}</pre>
            </details>
          )}
        </Stack>
      </Card>
      <Card title="Services">
        {fixed && <p className={own.note}>segue.toml in the source says this; change it there.</p>}
        <div className={own.services}>
          {services.map((one) => (
            <fieldset key={one.name} className={own.service}>
              <legend>
                {one.name} <span className={classes.muted}>{one.kind}</span>
              </legend>
              <TextInput
                label="Command"
                placeholder="what the image itself starts"
                {...form.getInputProps(`command:${one.name}`)}
                readOnly={fixed}
              />
              {one.kind === "web" && (
                <NumberInput
                  label="Port"
                  description="Where it listens; else $PORT is given."
                  min={1}
                  max={65535}
                  allowDecimal={false}
                  value={one.port ?? ""}
                  onChange={(port) =>
                    edit(one.name, { port: typeof port === "number" ? port : undefined })
                  }
                  readOnly={fixed}
                />
              )}
              <NumberInput
                label="Instances"
                min={0}
                max={1000}
                allowDecimal={false}
                value={one.replicas}
                onChange={(count) =>
                  edit(one.name, { replicas: typeof count === "number" ? count : one.replicas })
                }
                readOnly={fixed}
              />
            </fieldset>
          ))}
        </div>
      </Card>
      <Card title="Variables">
        {wanted.length === 0 && (
          <Empty>It asks for none. More can be set later under Config.</Empty>
        )}
        <Stack gap="md" className={own.form}>
          {wanted.map((one) => {
            const secret = one.origin.includes("secret") || sealed.has(one.key);
            const shared = {
              label: one.key,
              required: one.required && !one.set,
              description: sealed.has(one.key)
                ? "kept as a secret"
                : one.set
                  ? "set already"
                  : one.origin,
              placeholder: one.value ?? undefined,
              ...form.getInputProps(one.key),
            };
            return secret ? (
              <PasswordField key={one.key} autoComplete="new-password" what="value" {...shared} />
            ) : (
              <div key={one.key}>
                <TextInput autoComplete="off" {...shared} />
                <SecretHint
                  name={one.key}
                  value={values[one.key] ?? ""}
                  onSeal={() => setSealed((was) => new Set(was).add(one.key))}
                />
              </div>
            );
          })}
        </Stack>
      </Card>
      <div className={own.end}>
        <Button type="submit" size="md" loading={busy}>
          Deploy {app}
        </Button>
        {tried && missing.length > 0 && (
          <Status tone="warn">{`missing: ${missing.join(", ")}`}</Status>
        )}
      </div>
    </Form>
  );
}
