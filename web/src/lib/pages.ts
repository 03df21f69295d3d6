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
