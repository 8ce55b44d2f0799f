/** Draws the two tracks and their marks on a canvas. */

import type { Mark, MarkKind } from "./marks.ts";
import type { Wave } from "./wave.ts";

export interface View {
  /** ms from the left edge to the right. */
  spanMs: number;
  /** How far the right edge lies behind `now`. */
  backMs: number;
  /** The page's clock, ms. */
  now: number;
}

const COLOUR: Record<MarkKind, string> = {
  speech: "--person", reply: "--assistant", duck: "--duck", restore: "--restore", yield: "--cancel", cancel: "--cancel",
  truncate: "--cancel", tool: "--muted", link: "--duck",
};
const BAR_PX = 3;
const GAP_PX = 1;
const LABEL_PX = 10;
const LANES = 2;
const SAME_PX = 5;
const RANK: MarkKind[] = ["truncate", "restore", "yield", "cancel", "duck", "link", "reply", "tool", "speech"];
const AXIS_PX = 16;
const LEAST = 0.012;

export function draw(canvas: HTMLCanvasElement, wave: Wave, marks: readonly Mark[], view: View): void {
  const paper = canvas.getContext("2d");
  if (!paper) return;
  const { width, height } = fit(canvas, paper);
  const colour = colours(canvas);
  paper.clearRect(0, 0, width, height);
  const body = height - AXIS_PX;
  const right = view.now - view.backMs;
  const x = (at: number) => width - ((right - at) / view.spanMs) * width;
  axis(paper, width, height, view, colour("--muted"), colour("--line"));
  tracks(paper, wave, view, width, body, colour);
  // Labels stand in lanes; one that finds no room is left out, its line stays.
  const free = Array.from({ length: LANES }, () => -Infinity);
  const shown = marks.map((mark) => ({ ...mark, x: x(mark.at) })).filter((mark) => mark.x > -60 && mark.x < width + 1);
  for (const mark of shown) line(paper, mark.x, body, colour(COLOUR[mark.kind]));
  for (const mark of tellable(shown)) label(paper, mark.label, mark.x, colour(COLOUR[mark.kind]), colour("--surface"), free);
}

/** Of marks at one place, the one that tells most. */
function tellable<Shown extends Mark & { x: number }>(marks: readonly Shown[]): Shown[] {
  const told: Shown[] = [];
  for (const mark of marks) {
    const last = told.at(-1);
    if (last === undefined || mark.x - last.x > SAME_PX) told.push(mark);
    else if (RANK.indexOf(mark.kind) < RANK.indexOf(last.kind)) told[told.length - 1] = mark;
  }
  return told;
}

function tracks(paper: CanvasRenderingContext2D, wave: Wave, view: View, width: number, body: number, colour: (name: string) => string): void {
  const middle = body / 2;
  const step = BAR_PX + GAP_PX;
  const msPerBar = (view.spanMs / width) * step;
  // Bars stand still on the clock and scroll with it: no shimmer while time goes by.
  const right = view.now - view.backMs;
  const newest = Math.floor(right / msPerBar) * msPerBar;
  const shift = ((right - newest) / msPerBar) * step;
  for (const [track, sign, name] of [[wave.input, -1, "--person"], [wave.output, 1, "--assistant"]] as const) {
    paper.fillStyle = colour(name);
    for (let bar = 0; bar * step < width + step; bar++) {
      const to = newest - bar * msPerBar;
      const left = width - shift - (bar + 1) * step;
      const peak = wave.written ? wave.peak(track, to - msPerBar, to) : 0;
      const size = Math.max(LEAST, Math.min(1, peak ** 0.42 * 1.15)) * (middle - (sign < 0 ? LABEL_PX : 0) - 4);
      paper.globalAlpha = peak > 0.003 ? 1 : 0.28;
      paper.beginPath();
      paper.roundRect(left, sign < 0 ? middle - 1 - size : middle + 1, BAR_PX, size, 1.5);
      paper.fill();
    }
  }
  paper.globalAlpha = 1;
}

function line(paper: CanvasRenderingContext2D, at: number, body: number, colour: string): void {
  paper.fillStyle = colour;
  paper.fillRect(at - 0.5, 4, 1, body - 8);
  paper.beginPath();
  paper.arc(at, 5, 2.5, 0, 7);
  paper.fill();
}

function label(paper: CanvasRenderingContext2D, words: string, at: number, colour: string, behind: string, free: number[]): void {
  const width = paper.measureText(words).width;
  const lane = free.findIndex((end) => at >= end);
  if (lane < 0) return;
  const y = (lane + 1) * LABEL_PX + lane * 2;
  paper.fillStyle = behind;
  paper.globalAlpha = 0.86;
  paper.fillRect(at + 2, y - LABEL_PX + 1, width + 6, LABEL_PX + 2);
  paper.globalAlpha = 1;
  paper.fillStyle = colour;
  paper.fillText(words, at + 5, y);
  free[lane] = at + width + 8;
}

function axis(paper: CanvasRenderingContext2D, width: number, height: number, view: View, ink: string, line: string): void {
  paper.font = "10px 'Inter Variable', system-ui, sans-serif";
  paper.textBaseline = "alphabetic";
  const every = view.spanMs <= 10_000 ? 1_000 : view.spanMs <= 30_000 ? 5_000 : 20_000;
  const first = Math.ceil(view.backMs / every) * every;
  for (let ago = first; ago < view.backMs + view.spanMs; ago += every) {
    const at = width - ((ago - view.backMs) / view.spanMs) * width;
    paper.fillStyle = line;
    paper.fillRect(Math.round(at), 0, 1, height - AXIS_PX);
    paper.fillStyle = ink;
    const words = ago === 0 ? "now" : `−${ago / 1000} s`;
    paper.textAlign = ago === 0 ? "right" : "center";
    paper.fillText(words, ago === 0 ? width - 2 : at, height - 3);
  }
  paper.textAlign = "left";
}

function fit(canvas: HTMLCanvasElement, paper: CanvasRenderingContext2D): { width: number; height: number } {
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  paper.setTransform(scale, 0, 0, scale, 0, 0);
  return { width, height };
}

function colours(canvas: HTMLCanvasElement): (name: string) => string {
  const style = getComputedStyle(canvas);
  return (name) => style.getPropertyValue(name);
}
