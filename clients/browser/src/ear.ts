/** When the person stopped speaking and when the answer began, as an ear in the room would time it. */

import { LEVEL_WINDOW_MS, type Level } from "voice-client";

const SPEECH = 0.01;
/** Speech is at least this share of the loudest of the last seconds: breath and rooms are less. */
const SHARE = 0.12;
const FADE = 0.5 ** (LEVEL_WINDOW_MS / 2_000);
const SOUND = 0.003;
/** Sound after so much silence is a new answer. */
const SILENCE_MS = 300;

export class Ear {
  /** Told when the assistant becomes audible: when, and when the person had last spoken. */
  onAnswer: ((soundedAt: number, spokeAt: number) => void) | undefined;
  #loudest = 0;
  #spokeAt: number | undefined;
  #soundedAt = -Infinity;

  /** Takes windows that end at `now`, ms on the page's clock. */
  take(levels: readonly Level[], now: number): void {
    levels.forEach((level, index) => this.#step(level, now - (levels.length - 1 - index) * LEVEL_WINDOW_MS));
  }

  /** The person wrote instead: what follows answers that. */
  wrote(now: number): void {
    this.#spokeAt = now;
  }

  #step(level: Level, at: number): void {
    this.#loudest = Math.max(level.inputRms, this.#loudest * FADE);
    if (level.outputRms > SOUND) {
      if (at - this.#soundedAt > SILENCE_MS && this.#spokeAt !== undefined) {
        this.onAnswer?.(at - LEVEL_WINDOW_MS, this.#spokeAt);
        // Each speech has one answer.
        this.#spokeAt = undefined;
      }
      this.#soundedAt = at;
    }
    if (level.inputRms > SPEECH && level.inputRms > SHARE * this.#loudest) this.#spokeAt = at;
  }
}
