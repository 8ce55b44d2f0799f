/** How long the person waited, turn by turn: from their last sound to the first of the answer. */

import type { ServerEvent } from "voice-client";

export interface Turn {
  responseId: string;
  /** ms from the end of speech until the turn was taken, the first words came, the first sound was heard. */
  decisionMs: number | undefined;
  firstDeltaMs: number | undefined;
  firstAudioMs: number | undefined;
  /** Timed in this page from sound to sound; else as the service tells. */
  heardHere: boolean;
}

const KEPT = 200;

export class Turns {
  /** Those that were answered aloud, oldest first. */
  readonly list: Turn[] = [];
  #askedAt: number | undefined;
  #decidedAt: number | undefined;
  #firstDeltaAt: number | undefined;
  #sounding = "";

  /** Takes note of an event; says whether a turn changed. */
  receive(event: ServerEvent, now: number): boolean {
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.#askedAt = this.#decidedAt = this.#firstDeltaAt = undefined;
        return false;
      case "input_audio_buffer.committed":
        this.#askedAt = now;
        return false;
      case "response.created":
        if (this.#askedAt !== undefined) this.#decidedAt ??= now;
        return false;
      case "response.output_audio_transcript.delta":
        if (this.#askedAt !== undefined) this.#firstDeltaAt ??= now;
        return false;
      case "output_audio_buffer.started":
        this.#sounding = event.response_id ?? "";
        return false;
      case "voice.turn":
        return this.#told(event);
      default:
        return false;
    }
  }

  /** The person wrote. */
  wrote(now: number): void {
    this.#askedAt = now;
    this.#decidedAt = this.#firstDeltaAt = undefined;
  }

  /** The answer became audible. `spokeAt`: when the person's last sound was. Both in ms of the page's clock. */
  heard(soundedAt: number, spokeAt: number): boolean {
    if (this.#askedAt === undefined || soundedAt < spokeAt) return false;
    const since = (at: number | undefined) => (at === undefined ? undefined : Math.max(0, Math.min(at, soundedAt) - spokeAt));
    const turn = this.#turn(this.#sounding);
    Object.assign(turn, {
      decisionMs: since(this.#decidedAt), firstDeltaMs: since(this.#firstDeltaAt), firstAudioMs: since(soundedAt), heardHere: true,
    });
    this.#askedAt = undefined;
    return true;
  }

  /** Median and 95th percentile of the whole wait, in ms; undefined before the first turn. */
  get summary(): { medianMs: number; p95Ms: number; count: number } | undefined {
    const waits = this.list.flatMap((turn) => turn.firstAudioMs ?? []).sort((a, b) => a - b);
    if (waits.length === 0) return undefined;
    const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? 0;
    return { medianMs: at(0.5), p95Ms: at(0.95), count: waits.length };
  }

  #told(event: ServerEvent): boolean {
    if (typeof event.first_audio_ms !== "number") return false;
    const turn = this.#turn(event.response_id ?? "");
    if (turn.heardHere) return false;
    turn.decisionMs = event.decision_ms ?? undefined;
    turn.firstDeltaMs = event.first_delta_ms ?? undefined;
    turn.firstAudioMs = event.first_audio_ms;
    return true;
  }

  #turn(id: string): Turn {
    const known = this.list.find((one) => one.responseId === id);
    if (known) return known;
    const turn: Turn = {
      responseId: id, decisionMs: undefined, firstDeltaMs: undefined, firstAudioMs: undefined, heardHere: false,
    };
    this.list.push(turn);
    if (this.list.length > KEPT) this.list.shift();
    return turn;
  }
}

/** A turn's wait as consecutive spans in ms: deciding that it was over, thinking, bringing sound to the ear. */
export function spans(turn: Turn): { name: "decide" | "think" | "sound"; ms: number }[] {
  const { decisionMs: decided, firstDeltaMs: thought, firstAudioMs: sounded } = turn;
  const parts: { name: "decide" | "think" | "sound"; ms: number }[] = [];
  let at = 0;
  for (const [name, until] of [["decide", decided], ["think", thought], ["sound", sounded]] as const) {
    if (until === undefined) continue;
    parts.push({ name, ms: Math.max(0, until - at) });
    at = Math.max(at, until);
  }
  return parts;
}
