/** Levels for the eye: fast up, slow down, with a light for clipping and a hint when no signal comes. */

import { decibels, type Level } from "voice-client";

const FLOOR_DB = -60;
const FALL_DB = 1.6;
const CLIP = 0.985;
const CLIPS_FOR_HINT = 4;
const CLIP_MEMORY = 200;
/** Below this a microphone is off or the wrong one; a quiet room is louder. */
const DEAD = 10 ** (-75 / 20);
const DEAD_WINDOWS = 400;

export type Hint = "clipping" | "no-signal" | undefined;

export class Meters {
  inputDb = FLOOR_DB;
  outputDb = FLOOR_DB;
  #clips: number[] = [];
  #window = 0;
  #dead = 0;

  take(levels: readonly Level[]): void {
    for (const level of levels) {
      this.#window += 1;
      this.inputDb = Math.max(decibels(level.inputRms), this.inputDb - FALL_DB, FLOOR_DB);
      this.outputDb = Math.max(decibels(level.outputRms), this.outputDb - FALL_DB, FLOOR_DB);
      if (level.inputPeak >= CLIP) this.#clips.push(this.#window);
      this.#dead = level.inputRms < DEAD ? this.#dead + 1 : 0;
    }
    this.#clips = this.#clips.filter((at) => this.#window - at < CLIP_MEMORY);
  }

  /** Only for a microphone that is meant to be on. */
  get hint(): Hint {
    if (this.#clips.length >= CLIPS_FOR_HINT) return "clipping";
    return this.#dead >= DEAD_WINDOWS ? "no-signal" : undefined;
  }

  get clipping(): boolean {
    return this.#clips.length > 0;
  }

  /** The microphone is off: its silence means nothing. */
  rest(): void {
    this.#dead = 0;
  }
}

/** A level as a share of the meter's length, 0 to 1. */
export function share(db: number): number {
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / -FLOOR_DB));
}
