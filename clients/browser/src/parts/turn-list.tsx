import { turns } from "../known.ts";
import { spans, type Turn } from "../turns.ts";

const NAMES = { decide: "end of turn", think: "thinking", sound: "to the ear" };
const SHORTEST_SCALE_MS = 1_000;

/** How long each answer took, from the last sound of the person to the first of the assistant. */
export function TurnList() {
  const { list, summary } = turns.value.list;
  const longest = Math.max(SHORTEST_SCALE_MS, ...list.map((turn) => turn.firstAudioMs ?? 0));
  return (
    <div class="turns">
      <h2>Time to answer</h2>
      <dl class="figures">
        <div><dt>median</dt><dd>{whole(summary?.medianMs)}</dd></div>
        <div><dt>95 %</dt><dd>{whole(summary?.p95Ms)}</dd></div>
        <div><dt>turns</dt><dd>{summary?.count ?? 0}</dd></div>
      </dl>
      <ul class="legend" aria-hidden="true">
        {(["decide", "think", "sound"] as const).map((name) => <li key={name} data-span={name}>{NAMES[name]}</li>)}
      </ul>
      {list.length === 0 && <p class="nothing">Every answer gets a bar here: how long it took to notice that you were done, to think, and to bring the first sound to your ear.</p>}
      <ol class="waits">{[...list].reverse().map((turn) => <Wait key={turn.responseId} turn={turn} longest={longest} />)}</ol>
    </div>
  );
}

function Wait({ turn, longest }: { turn: Turn; longest: number }) {
  const parts = spans(turn);
  const words = parts.map(({ name, ms }) => `${NAMES[name]} ${Math.round(ms)} ms`).join(", ");
  return (
    <li title={`${words} (${turn.heardHere ? "timed here, from sound to sound" : "as the service tells"})`}>
      <div class="wait" role="img" aria-label={words || "no figures"}>
        {parts.map(({ name, ms }) => <i key={name} data-span={name} style={{ width: `${(ms / longest) * 100}%` }} />)}
      </div>
      <b>{whole(turn.firstAudioMs)}</b>
    </li>
  );
}

function whole(ms: number | undefined): string {
  return ms === undefined ? "–" : `${Math.round(ms)} ms`;
}
