// Measures how a log of 100,000 lines scrolls in the real page. The lines are made here, because no app of the walk
// writes as many; everything behind them (the reading by pages, the list, the page) is the dashboard's own.
const LINES = 100_000;
const PER_PAGE = 5_000;
const FRAMES = 240;

function body(page) {
  const items = Array.from({ length: PER_PAGE }, (_, index) => {
    const n = page * PER_PAGE + index;
    const at = new Date(Date.UTC(2026, 0, 31, 12) + n).toISOString();
    return {
      at,
      stream: "stdout",
      service: "web",
      instance: "web.1",
      text: `${n} GET /orders/${n * 7} 200 in ${n % 90} ms`,
    };
  });
  return JSON.stringify({ items, next_cursor: `${page + 1}-0` });
}

/** Opens the log of an environment as somebody who is signed in already, and scrolls it from top to bottom. */
export async function scroll({ context, url, path }) {
  const page = await context.newPage();
  try {
    await page.route(/\/v1\/.*\/logs\?/, async (route) => {
      const request = route.request();
      if (request.headers().accept?.includes("event-stream")) return route.abort();
      const cursor = new URL(request.url()).searchParams.get("cursor") ?? "0-0";
      const at = Number(cursor.split("-")[0]);
      const done = at * PER_PAGE >= LINES;
      const text = done ? JSON.stringify({ items: [], next_cursor: cursor }) : body(at);
      return route.fulfill({ status: 200, contentType: "application/json", body: text });
    });
    const begun = Date.now();
    await page.goto(`${url}${path}`);
    await page.getByText(/^100.000 lines/).waitFor({ timeout: 60_000 });
    const read = Date.now() - begun;
    const measure = async (count) => {
      const box = document.querySelector("[role=log]");
      const times = [];
      let before = performance.now();
      let empty = 0;
      for (let n = 0; n <= count; n += 1) {
        box.scrollTop = (box.scrollHeight * n) / count;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - before);
        before = now;
        if (box.querySelectorAll("time").length === 0) empty += 1;
      }
      times.sort((a, b) => a - b);
      const at = (share) => times[Math.floor((times.length - 1) * share)];
      return {
        p50: at(0.5),
        p95: at(0.95),
        longest: at(1),
        empty,
        rows: box.querySelectorAll("time").length,
      };
    };
    // Time on the clock is told; what is judged is the page's own time, for others work on this machine too.
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const spent = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      return metrics.find((one) => one.name === "TaskDuration").value * 1000;
    };
    const before = await spent();
    const frames = await page.evaluate(measure, FRAMES);
    const own = ((await spent()) - before) / FRAMES;
    return { read, own, frames };
  } finally {
    await page.close();
  }
}
