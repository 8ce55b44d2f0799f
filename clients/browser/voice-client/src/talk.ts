/** The talk button: what pressing and letting go mean in each mode. Time and deeds come from outside. */

import type { ClientEvent, TurnDetection } from "./events.ts";

/** `open`: the microphone is on and turns are found by themselves. `hold`, `toggle`: the button says when. */
export type TalkMode = "open" | "hold" | "toggle";

export interface TalkHands {
  send(event: ClientEvent): void;
  microphone(on: boolean): void;
  /** Does it later; returns how not to. */
  after(ms: number, act: () => void): () => void;
  now(): number;
  /** Whether the assistant is thinking or speaking right now. */
  busy(): boolean;
  changed(): void;
}

export interface TalkRules {
  /** A shorter press is a slip of the finger. */
  tapMs: number;
  /** The microphone stays on so long after the button: last syllables and sound still on its way. */
  tailMs: number;
}

const RULES: TalkRules = { tapMs: 180, tailMs: 260 };
const FOUND_BY_SERVICE: TurnDetection = { type: "server_vad" };

export class Talk {
  mode: TalkMode;
  /** Open mode: the person turned the microphone off. */
  muted = false;
  /** Hold and toggle: the button is down. */
  held = false;
  readonly #hands: TalkHands;
  readonly #rules: TalkRules;
  #pressedAt = 0;
  #dropTail: (() => void) | undefined;
  #detection: TurnDetection = FOUND_BY_SERVICE;

  constructor(mode: TalkMode, hands: TalkHands, rules: Partial<TalkRules> = {}) {
    this.mode = mode;
    this.#hands = hands;
    this.#rules = { ...RULES, ...rules };
  }

  /** A call began: `detection` is what the service would use by itself. */
  begin(detection: TurnDetection | null | undefined): void {
    this.#detection = detection ?? FOUND_BY_SERVICE;
    this.held = false;
    this.#settle();
    if (this.mode !== "open") this.#tellMode();
  }

  setMode(mode: TalkMode): void {
    if (mode === this.mode) return;
    this.cancel();
    this.mode = mode;
    this.muted = false;
    this.#tellMode();
    this.#settle();
  }

  /** The button goes down. */
  press(): void {
    if (this.mode === "open") this.mute(!this.muted);
    else if (this.mode === "toggle" && this.held) this.#finish();
    else if (!this.held) this.#start();
  }

  /** The button comes up. */
  release(): void {
    if (this.mode !== "hold" || !this.held) return;
    if (this.#hands.now() - this.#pressedAt < this.#rules.tapMs) this.cancel();
    else this.#finish();
  }

  /** What was said since the button went down is not meant. */
  cancel(): void {
    if (!this.held && !this.#dropTail) return;
    this.#stopTail();
    this.held = false;
    this.#hands.send({ type: "input_audio_buffer.clear" });
    this.#settle();
  }

  mute(muted: boolean): void {
    this.muted = muted;
    this.#settle();
  }

  #start(): void {
    if (this.#dropTail) {
      // Pressed again within the tail: it goes on as one turn.
      this.#stopTail();
    } else {
      if (this.#hands.busy()) interruption().forEach((event) => this.#hands.send(event));
      this.#hands.send({ type: "input_audio_buffer.clear" });
      this.#pressedAt = this.#hands.now();
    }
    this.held = true;
    this.#settle();
  }

  #finish(): void {
    this.held = false;
    this.#dropTail = this.#hands.after(this.#rules.tailMs, () => {
      this.#dropTail = undefined;
      this.#settle();
      this.#hands.send({ type: "input_audio_buffer.commit" });
      this.#hands.send({ type: "response.create" });
    });
    this.#hands.changed();
  }

  #stopTail(): void {
    this.#dropTail?.();
    this.#dropTail = undefined;
  }

  #tellMode(): void {
    const detection = this.mode === "open" ? this.#detection : null;
    this.#hands.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: detection } } },
    });
  }

  #settle(): void {
    this.#hands.microphone(this.mode === "open" ? !this.muted : this.held);
    this.#hands.changed();
  }
}

/** Stops the assistant: the reply that is being made, then the sound that is still to come. */
export function interruption(): ClientEvent[] {
  return [{ type: "response.cancel" }, { type: "output_audio_buffer.clear" }];
}
