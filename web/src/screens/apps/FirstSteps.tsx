// Three ways to the first app, with commands that hold this server's address already.

import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Card } from "../../components/Card";
import { Command } from "../../components/Command";
import classes from "./apps.module.css";

export function FirstSteps({ team }: { team: string }) {
  const server = window.location.origin;
  return (
    <>
      <p className={classes.lead}>
        No app yet. Three ways to the first one; each ends at a running address.
      </p>
      <div className={classes.ways}>
        <Card title="1 · Command line">
          <ol className={classes.steps}>
            <li>
              Sign in once
              <Command text={`segue login --server ${server}`} />
            </li>
            <li>
              In the folder of your app
              <Command text="segue up" />
            </li>
          </ol>
        </Card>
        <Card title="2 · git push">
          <ol className={classes.steps}>
            <li>
              Sign in, then write segue.toml and the remote
              <Command text={`segue login --server ${server} && segue init`} />
            </li>
            <li>
              Push what you have
              <Command text="git push segue main" />
            </li>
          </ol>
        </Card>
        <Card title="3 · Image, git address or archive">
          <ol className={classes.steps}>
            <li>
              A finished image
              <Command text={`segue up --image registry.example.com/shop:1.0 -a shop -t ${team}`} />
            </li>
            <li>
              Or here, in the browser:{" "}
              <Anchor size="sm" renderRoot={(props) => <Link to="/apps/new" {...props} />}>
                new app
              </Anchor>
            </li>
          </ol>
        </Card>
      </div>
    </>
  );
}
