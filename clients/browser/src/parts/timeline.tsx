import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { connection, inCall, marks, wave } from "../known.ts";
import { draw, type View } from "../timeline-picture.ts";

const SPANS_S = [10, 30, 120];

/** Both voices over time with what happened to them: drag or use the arrow keys to look back. */
export function Timeline() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const span = useSignal(30);
  const back = useSignal(0);
  const drag = useRef<{ x: number; back: number } | undefined>(undefined);
  useEffect(() => {
    let frame = 0;
    let last = "";
    const paint = () => {
      const element = canvas.current;
      frame = requestAnimationFrame(paint);
      if (!element) return;
      const view: View = { spanMs: span.peek() * 1000, backMs: back.peek(), now: inCall.peek() ? performance.now() : wave.endsAt };
      const size = `${element.clientWidth}x${element.clientHeight}`;
      const state = `${size} ${view.spanMs} ${view.backMs} ${Math.floor(view.now / 33)} ${marks.length} ${scheme()}`;
      if (state === last) return;
      last = state;
      draw(element, wave, marks, view);
    };
    paint();
    return () => cancelAnimationFrame(frame);
  }, []);
  const move = (ms: number) => (back.value = Math.max(0, Math.min(back.value + ms, 30 * 60_000)));
  const keyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: 1, ArrowRight: -1 }[event.key];
    if (step !== undefined) move(step * span.value * 100);
    if (event.key === "End") back.value = 0;
  };
  const empty = connection.value === "idle" && wave.written === 0;
  return (
    <section class="timeline" aria-label="Timeline" data-empty={empty}>
      <canvas ref={canvas} role="img" tabIndex={0} aria-label="Waveforms of you, above, and the assistant, below, with interruption marks. Arrow keys look back." onKeyDown={keyDown}
        onPointerDown={(event) => {
          drag.current = { x: event.clientX, back: back.value };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (!drag.current) return;
          const pxPerMs = event.currentTarget.clientWidth / (span.value * 1000);
          back.value = Math.max(0, drag.current.back + (event.clientX - drag.current.x) / pxPerMs);
        }}
        onPointerUp={() => (drag.current = undefined)} />
      <div class="zoom" role="group" aria-label="Seconds shown">
        {back.value > 0 && <button type="button" onClick={() => (back.value = 0)}>now</button>}
        {SPANS_S.map((seconds) => (
          <button key={seconds} type="button" aria-pressed={span.value === seconds} onClick={() => (span.value = seconds)}>{seconds} s</button>
        ))}
      </div>
    </section>
  );
}

function scheme(): string {
  return document.documentElement.dataset["theme"] ?? String(matchMedia("(prefers-color-scheme: dark)").matches);
}
