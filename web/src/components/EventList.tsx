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

/** What happened; why it failed stands below it, and is not said twice. */
function messageOf({ message, failure }: Event): string {
  const at = failure ? message.indexOf(`: ${failure.sentence}`) : -1;
  return at > 0 ? message.slice(0, at) : message;
}

/** Parts of Segue have names that say nothing to people. */
function actorOf({ actor }: Event): string {
  return actor.startsWith("segue/") ? "Segue by itself" : actor;
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
              <span className={classes.message}>{plainTimes(messageOf(event))}</span>
              {event.failure && (
                <p>
                  {event.failure.sentence}: {event.failure.evidence} → {event.failure.hint}
                </p>
              )}
              <small>
                {where && <>{where} · </>}
                <code>{event.kind}</code> · {actorOf(event)}
              </small>
            </div>
            <Ago at={event.at} />
          </li>
        );
      })}
    </ol>
  );
}
