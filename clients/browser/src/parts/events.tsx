import { useState } from "preact/hooks";
import { log } from "../known.ts";
import { EventLog, filtered, readable, type LogEntry } from "../log.ts";
import { SaveIcon } from "./icons.tsx";

const SHOWN = 400;

/** The wire, event by event. */
export function Events() {
  const [filter, setFilter] = useState("");
  const [deltas, setDeltas] = useState(false);
  const list = log.value.list;
  const found = filtered(list.entries, filter, deltas);
  const shown = found.slice(-SHOWN).reverse();
  return (
    <div class="events">
      <h2 class="sr">Events</h2>
      <div class="events-bar">
        <input type="search" placeholder="Filter: words, -without" aria-label="Filter events" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        <button class="quiet" type="button" disabled={list.entries.length === 0} onClick={() => save(list)} title="Save all as JSON lines" aria-label="Save all as JSON lines"><SaveIcon /></button>
      </div>
      <label class="check"><input type="checkbox" checked={deltas} onChange={() => setDeltas(!deltas)} />with deltas</label>
      <p class="count">{found.length} of {list.entries.length}{list.dropped > 0 && `, ${list.dropped} older dropped`}</p>
      {list.entries.length === 0 && <p class="nothing">Every event of the call appears here, both ways, as it was on the wire.</p>}
      <ol>{shown.map((entry) => <Row key={entry.number} entry={entry} />)}</ol>
    </div>
  );
}

function Row({ entry }: { entry: LogEntry }) {
  const [open, setOpen] = useState(false);
  const failed = entry.event.type === "error";
  return (
    <li data-direction={entry.direction} data-failed={failed}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <time>{(entry.atMs / 1000).toFixed(2)}</time>
          <span class="way" aria-label={entry.direction === "in" ? "received" : "sent"} role="img">{entry.direction === "in" ? "↓" : "↑"}</span>
          <code>{entry.event.type}</code>
        </summary>
        {open && <pre tabIndex={0}>{readable(entry.event)}</pre>}
      </details>
    </li>
  );
}

function save(list: EventLog): void {
  const url = URL.createObjectURL(new Blob([list.jsonl()], { type: "application/jsonl" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `voice-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
