// A build's log as it is written.

import { type BuildLogStreamData, buildLogStream, follow, type Options } from "@segue/client";
import { KEPT, LiveLog } from "../../components/LiveLog";
import type { Place } from "../env/place";

export interface BuildLogProps {
  place: Place;
  build: string;
  ended: boolean;
}

export function BuildLog({ place, build, ended }: BuildLogProps) {
  const options: Options<BuildLogStreamData> = {
    path: { ...place, build },
    query: { tail: KEPT },
  };
  return (
    <LiveLog
      label="Log of the build"
      ended={ended}
      tail={{
        name: build,
        open: (signal) => follow(buildLogStream, options, { signal, atEnd: "return" }),
      }}
    />
  );
}
