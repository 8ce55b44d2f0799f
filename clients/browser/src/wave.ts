/** The sound of the call, 10 ms a step: peaks of both sides, the oldest dropped after half an hour. */

import { LEVEL_WINDOW_MS, type Level } from "voice-client";

const JUMP_MS = 150;
const PULL = 0.05;
const STEPS = (30 * 60 * 1000) / LEVEL_WINDOW_MS;

export class Wave {
  readonly input = new Float32Array(STEPS);
  readonly output = new Float32Array(STEPS);
  /** Steps written so far; a step's place is its number modulo the length. */
  written = 0;
  /** The page's clock at the end of the last step, ms. */
  endsAt = 0;

  take(levels: readonly Level[], now: number): void {
    for (const level of levels) {
      const at = this.written % STEPS;
      this.input[at] = level.inputPeak;
      this.output[at] = level.outputPeak;
      this.written += 1;
    }
    // Messages come in gusts, sound does not: follow the sound, drawn gently to the clock.
    const due = this.endsAt + levels.length * LEVEL_WINDOW_MS;
    this.endsAt = Math.abs(now - due) > JUMP_MS ? now : due + (now - due) * PULL;
  }

  /** The highest peak between two moments of the page's clock. */
  peak(track: Float32Array, from: number, to: number): number {
    const last = this.written - 1;
    const oldest = Math.max(0, this.written - STEPS);
    const begin = Math.max(oldest, last - Math.ceil((this.endsAt - from) / LEVEL_WINDOW_MS) + 1);
    const end = Math.min(last, Math.max(begin, last - Math.floor((this.endsAt - to) / LEVEL_WINDOW_MS)));
    let peak = 0;
    for (let step = begin; step <= end; step++) peak = Math.max(peak, track[step % STEPS] ?? 0);
    return peak;
  }

  clear(): void {
    this.written = 0;
  }
}
