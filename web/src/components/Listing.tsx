// The frame of every list: what stands there while it is read, when it cannot be read, when there is nothing in it, and
// the way to its next page.

import type { ReactNode } from "react";
import { Empty, Table } from "./Card";
import classes from "./components.module.css";
import { FaultBox } from "./FaultBox";
import { Loading } from "./Loading";
import { More } from "./More";

export interface ListingProps {
  of: {
    isPending: boolean;
    isError: boolean;
    isSuccess?: boolean;
    data?: unknown;
    error: unknown;
    refetch: () => Promise<unknown>;
    hasNextPage?: boolean;
    isFetchingNextPage?: boolean;
    fetchNextPage?: () => Promise<unknown>;
  };
  /** How many rows there are. */
  count: number;
  /** What is said of none, with what to do next. */
  none: ReactNode;
  /** Why it is not shown to this person. */
  why?: string;
  label: string;
  head: string[];
  /** The button to the next page. */
  more?: string;
  /** The rows. */
  children: ReactNode;
}

export function Listing({ of, count, none, why, label, head, more, children }: ListingProps) {
  if (why) return <Empty>{why}</Empty>;
  const { fetchNextPage } = of;
  return (
    <>
      {of.isPending && <Loading />}
      {of.isError && <FaultBox error={of.error} onRetry={() => void of.refetch()} />}
      {of.data !== undefined && count === 0 && <Empty>{none}</Empty>}
      {count > 0 && (
        <Table label={label} head={head}>
          {children}
        </Table>
      )}
      {of.hasNextPage && fetchNextPage && (
        <div className={classes.form}>
          <More
            list={{
              hasNextPage: true,
              isFetchingNextPage: of.isFetchingNextPage ?? false,
              fetchNextPage,
            }}
            label={more}
          />
        </div>
      )}
    </>
  );
}
