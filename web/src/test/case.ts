// What a form's worst case is told by.
import type { Server } from "./server";

export type Fills = Record<string, string | boolean | File>;

export interface FormCase {
  /** The component's file. */
  file: string;
  address: string;
  /** What is done before: a dialog that is opened, a first step. */
  before?: (server: Server) => Promise<void>;
  /** The server as it is for this form. */
  server?: (server: Server) => void;
  /** The button that sends, and which of that name. */
  button: string;
  index?: number;
  /** What sends well. */
  good: Fills;
  /** What is refused before it is sent, and what is said at which field. */
  bad: { fill: Fills; says: Record<string, string> }[];
  /** The operation that is sent first. */
  sends: string;
  /** Where the server's sentence belongs: a pointer of the document, and the field. */
  refused?: { pointer: string; label: string; code?: string; status?: number };
  /** What is said to a viewer, who may not; nothing: everybody may. */
  viewer?: string;
  /** Outside of a session. */
  outside?: true;
}

export const LONG = (length: number) => "x".repeat(length);
export const FILE = (content: string) => new File([content], "app.tar.gz");
export const NAME = "Small letters, digits and single dashes, beginning with a letter: my-app.";
export const names = (label: string, empty: string) => [
  { fill: { [label]: "" }, says: { [label]: empty } },
  { fill: { [label]: LONG(41) }, says: { [label]: "At most 40 characters." } },
  { fill: { [label]: "Not A Name" }, says: { [label]: NAME } },
];
export const PROD = "/apps/shop/production";
