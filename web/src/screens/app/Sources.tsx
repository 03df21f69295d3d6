// Where an app's source comes from by itself: a repository, calls of a forge, branches as previews.

import { Stack } from "@mantine/core";
import { Card } from "../../components/Card";
import { Command } from "../../components/Command";
import { Page } from "../../components/Page";
import { AppFrame } from "./AppFrame";
import { Hooks } from "./Hooks";
import { Previews } from "./Previews";
import { Repository } from "./Repository";

export function Sources() {
  return (
    <AppFrame>
      {(app, path) => (
        <Page
          title="Sources"
          name={`Sources of ${path.app}`}
          sub={path.app}
          command={`segue hooks list -a ${path.app} -t ${path.team}`}
        >
          <Card title="Push to deploy">
            <Stack gap="xs">
              <Command text={`git remote add segue ${app.git_url}`} />
              <Command text="git push segue main" />
            </Stack>
          </Card>
          <Repository app={app} path={path} />
          <Hooks path={path} />
          <Previews app={app} path={path} />
        </Page>
      )}
    </AppFrame>
  );
}
