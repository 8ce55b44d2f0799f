/** What the page knows of the call: signals for what is shown, plain objects for what is drawn past them. */

import { batch, computed, signal } from "@preact/signals";
import type { Activity, ConnectionState, Devices, Entry, VoiceError } from "voice-client";
import { Ear } from "./ear.ts";
import type { Info } from "./info.ts";
import { EventLog } from "./log.ts";
import type { Mark } from "./marks.ts";
import { Meters, type Hint } from "./meters.ts";
import { settings } from "./settings.ts";
import { Turns } from "./turns.ts";
import { Wave } from "./wave.ts";

export const connection = signal<ConnectionState>("idle");
export const activity = signal<Activity>("listening");
export const entries = signal<readonly Entry[]>([]);
export const held = signal(false);
export const muted = signal(false);
export const listensOnly = signal(false);
export const problem = signal<VoiceError | undefined>(undefined);
export const retryAt = signal<number | undefined>(undefined);
export const engineLink = signal("");
export const retrying = signal<{ attempt: number; inMs: number } | undefined>(undefined);
/** What the service answered to something that cannot be done; gone after a while. */
export const complaint = signal("");
export const hint = signal<Hint>(undefined);
export const devices = signal<Devices>({ microphones: [], speakers: [] });
export const info = signal<Info | undefined>(undefined);
export const usage = signal<{ usd: number | undefined; tokens: number; startedAt: number | undefined; seconds: number }>({
  usd: undefined, tokens: 0, startedAt: undefined, seconds: 0,
});
export const turns = signal({ list: new Turns() });
export const log = signal({ list: new EventLog() });
/** What assistive technology says aloud; the assistant's own words are heard anyway. */
export const announcement = signal("");

export const marks: Mark[] = [];
export const wave = new Wave();
export const meters = new Meters();
export const ear = new Ear();
ear.onAnswer = (soundedAt, spokeAt) => {
  if (turns.peek().list.heard(soundedAt, spokeAt)) turns.value = { list: turns.peek().list };
};

export const inCall = computed(() => connection.value !== "idle");
export const assistant = computed(() => {
  const all = info.value?.assistants ?? [];
  const wanted = settings.assistant.value || info.value?.default_assistant;
  return all.find((one) => one.name === wanted) ?? all[0];
});

/** A new call begins with nothing. */
export function clear(): void {
  batch(() => {
    entries.value = [];
    problem.value = undefined;
    retryAt.value = undefined;
    turns.value = { list: new Turns() };
    log.value = { list: new EventLog() };
    usage.value = { usd: undefined, tokens: 0, startedAt: undefined, seconds: 0 };
    engineLink.value = "";
    complaint.value = "";
    announcement.value = "";
  });
  marks.length = 0;
  wave.clear();
}

/** Length of this call so far, or of the last one. */
export function secondsInCall(): number {
  const { startedAt, seconds } = usage.peek();
  return startedAt === undefined ? seconds : (Date.now() - startedAt) / 1000;
}
