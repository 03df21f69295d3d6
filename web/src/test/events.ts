// The team's stream of events in tests: who listens, and what they are told.

const open = new Set<ReadableStreamDefaultController<Uint8Array>>();
let number = 0;

/** A stream that stays open until its reader leaves. */
export function eventStream(): ReadableStream<Uint8Array> {
  let mine: ReadableStreamDefaultController<Uint8Array>;
  return new ReadableStream({
    start(controller) {
      mine = controller;
      open.add(controller);
    },
    cancel() {
      open.delete(mine);
    },
  });
}

/** How many listen. */
export function hearers(): number {
  return open.size;
}

/** Tells all of them. */
export function tell(event: object): void {
  number += 1;
  const data = JSON.stringify({ id: `evt_${number}`, at: "2026-11-21T12:00:00Z", ...event });
  const text = `id: ${number}\nevent: event\ndata: ${data}\n\n`;
  for (const one of open) one.enqueue(new TextEncoder().encode(text));
}
