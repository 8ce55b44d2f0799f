/** Every event of the call, both ways: kept, filtered, exported. */

import type { ClientEvent, ServerEvent } from "voice-client";

export interface LogEntry {
  number: number;
  /** ms since the log began. */
  atMs: number;
  direction: "in" | "out";
  event: ServerEvent | ClientEvent;
  /** What a filter looks at; made when one first does. */
  text?: string;
}

const KEPT = 5_000;
const LONGEST_TEXT = 400;

export class EventLog {
  entries: LogEntry[] = [];
  /** Entries that no longer fit. */
  dropped = 0;
  #began: number | undefined;
  #number = 0;

  add(direction: "in" | "out", event: ServerEvent | ClientEvent, now: number): void {
    this.#began ??= now;
    this.entries.push({ number: ++this.#number, atMs: Math.round(now - this.#began), direction, event });
    if (this.entries.length > KEPT) {
      this.entries.shift();
      this.dropped += 1;
    }
  }

  clear(): void {
    this.entries = [];
    this.dropped = 0;
    this.#began = undefined;
  }

  /** One JSON object per line: `at_ms`, `direction`, `event`. */
  jsonl(): string {
    return this.entries.map(({ atMs, direction, event }) => JSON.stringify({ at_ms: atMs, direction, event }) + "\n").join("");
  }
}

/** The entries that carry every word of the filter; `-word` leaves out. Deltas only when wanted. */
export function filtered(entries: LogEntry[], filter: string, deltas: boolean): LogEntry[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter((entry) => {
    const type = entry.event.type;
    if (!deltas && (type.endsWith(".delta") || type === "voice.heard")) return false;
    if (words.length === 0) return true;
    const text = (entry.text ??= `${entry.direction} ${JSON.stringify(entry.event)}`.toLowerCase());
    return words.every((word) => (word.length > 1 && word.startsWith("-") ? !text.includes(word.slice(1)) : text.includes(word)));
  });
}

/** An event to read: indented, with long values (pictures) cut short. */
export function readable(event: object): string {
  return JSON.stringify(
    event,
    (_key, value: unknown) =>
      typeof value === "string" && value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}… (${value.length} characters)` : value,
    2,
  );
}
