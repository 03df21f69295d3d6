// Lists that come in pages: how the next one is asked for.

interface PageParam<P> {
  path: P;
  query?: { cursor?: string };
}

/** The two options of an infinite query that every list here shares. */
export function pagesAt<P>(path: P) {
  return {
    initialPageParam: { path } as PageParam<P>,
    getNextPageParam: (page: { next_cursor?: string }): PageParam<P> | undefined =>
      page.next_cursor ? { path, query: { cursor: page.next_cursor } } : undefined,
  };
}

/** Pages that are read as one list at most: 2,000 items. */
const MOST_PAGES = 20;

interface Paged {
  items: unknown[];
  next_cursor?: string;
}

type Read = (context: { queryKey: readonly unknown[] }) => Promise<Paged>;

/** The options of a query of a list, changed so that it reads all pages as one: for screens that need the whole. */
export function whole<O extends { queryFn?: unknown }>(options: O): O {
  const read = options.queryFn as Read;
  const queryFn: Read = async (context) => {
    const [key, ...rest] = context.queryKey as [{ query?: object }, ...unknown[]];
    const items: unknown[] = [];
    let cursor: string | undefined;
    for (let pages = 0; ; pages++) {
      const query = { ...key.query, limit: 100, cursor };
      const page = await read({ ...context, queryKey: [{ ...key, query }, ...rest] });
      items.push(...page.items);
      cursor = page.next_cursor;
      if (!cursor || pages + 1 >= MOST_PAGES) return { ...page, items };
    }
  };
  return { ...options, queryFn };
}
