// The next page of a list.

import { Button } from "@mantine/core";

export interface MoreProps {
  list: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    fetchNextPage: () => Promise<unknown>;
  };
  label?: string;
}

export function More({ list, label = "Older ones" }: MoreProps) {
  if (!list.hasNextPage) return null;
  return (
    <Button
      variant="default"
      onClick={() => void list.fetchNextPage()}
      loading={list.isFetchingNextPage}
    >
      {label}
    </Button>
  );
}
