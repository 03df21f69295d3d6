// What happened, newest first, with reasons.

import type { Event } from "@segue/client";
import { plainTimes } from "../lib/format";
import { Ago } from "./Ago";
import { Empty } from "./Card";
import classes from "./events.module.css";

function tone(event: Event): string {
  if (event.failure || /\.(failed|lost|auto_rollback)$/.test(event.kind)) return "bad";
  if (/\.(succeeded|stable)$/.test(event.kind)) return "ok";
  return "idle";
}

export function EventList({
  events,
  place,
}: {
  events: Event[];
  place?: (event: Event) => string | undefined;
}) {
  if (events.length === 0) return <Empty>Nothing has happened yet.</Empty>;
  return (
    <ol className={classes.list}>
      {events.map((event) => {
        const where = place?.(event);
        return (
          <li key={event.id} data-tone={tone(event)}>
            <div>
              <span className={classes.message}>{plainTimes(event.message)}</span>
              {event.failure && (
                <p>
                  {event.failure.sentence} {event.failure.evidence} → {event.failure.hint}
                </p>
              )}
              <small>
                {where && <>{where} · </>}
                <code>{event.kind}</code> · {event.actor}
              </small>
            </div>
            <Ago at={event.at} />
          </li>
        );
      })}
    </ol>
  );
}
