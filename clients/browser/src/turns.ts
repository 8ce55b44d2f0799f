/** How long the person waited, turn by turn: from their last sound to the first of the answer. */

import type { ServerEvent } from "voice-client";

export interface Turn {
  responseId: string;
  /** ms from the end of speech until the turn was taken, the first words came, the first sound was played. */
  decisionMs: number | undefined;
  firstDeltaMs: number | undefined;
  firstAudioMs: number | undefined;
  /** Measured by the service from the speech itself, not by arrival of events here. */
  measured: boolean;
}

const KEPT = 200;

export class Turns {
  readonly #all: Turn[] = [];
  #asked: number | undefined;
  #askedAt = new Map<string, number>();

  /** Those that were answered aloud, oldest first. */
  get list(): Turn[] {
    return this.#all.filter((turn) => turn.firstAudioMs !== undefined);
  }

  /** Takes note of an event; says whether a turn changed. */
  receive(event: ServerEvent, now: number): boolean {
    switch (event.type) {
      case "input_audio_buffer.speech_stopped":
      case "input_audio_buffer.committed":
        this.#asked ??= now;
        return false;
      case "input_audio_buffer.speech_started":
        this.#asked = undefined;
        return false;
      case "response.created":
        return this.#begin(event.response?.id ?? "", now);
      case "response.output_audio_transcript.delta":
        return this.#note(event.response_id, "firstDeltaMs", now);
      case "output_audio_buffer.started":
        return this.#note(event.response_id, "firstAudioMs", now);
      case "voice.turn":
        return this.#measure(event);
      default:
        return false;
    }
  }

  /** Median and 95th percentile of the whole wait, in ms; undefined before the first turn. */
  get summary(): { medianMs: number; p95Ms: number; count: number } | undefined {
    const waits = this.list.flatMap((turn) => turn.firstAudioMs ?? []).sort((a, b) => a - b);
    if (waits.length === 0) return undefined;
    const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? 0;
    return { medianMs: at(0.5), p95Ms: at(0.95), count: waits.length };
  }

  #begin(id: string, now: number): boolean {
    if (this.#asked === undefined) return false;
    const turn = this.#turn(id);
    this.#askedAt.set(id, this.#asked);
    turn.decisionMs ??= now - this.#asked;
    this.#asked = undefined;
    return true;
  }

  #note(id: string | undefined, field: "firstDeltaMs" | "firstAudioMs", now: number): boolean {
    const asked = this.#askedAt.get(id ?? "");
    const turn = this.#all.find((one) => one.responseId === id);
    if (asked === undefined || !turn || turn.measured || turn[field] !== undefined) return false;
    turn[field] = now - asked;
    return true;
  }

  #measure(event: ServerEvent): boolean {
    const turn = this.#turn(event.response_id ?? "");
    turn.measured = true;
    turn.decisionMs = event.decision_ms ?? undefined;
    turn.firstDeltaMs = event.first_delta_ms ?? undefined;
    turn.firstAudioMs = event.first_audio_ms ?? undefined;
    return true;
  }

  #turn(id: string): Turn {
    const known = this.#all.find((one) => one.responseId === id);
    if (known) return known;
    const turn: Turn = {
      responseId: id, decisionMs: undefined, firstDeltaMs: undefined, firstAudioMs: undefined, measured: false,
    };
    this.#all.push(turn);
    if (this.#all.length > KEPT) this.#all.shift();
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
