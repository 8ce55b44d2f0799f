/** The call and everything the page knows of it. Parts of the page read signals; sound goes past them. */

import { batch, computed, effect, signal } from "@preact/signals";
import {
  VoiceClient, VoiceError, listDevices, watchDevices, type Activity, type ConnectionState, type Devices, type Entry, type MicrophoneOptions, type ServerEvent,
} from "voice-client";
import { Ear } from "./ear.ts";
import { fetchInfo, type Info } from "./info.ts";
import { EventLog } from "./log.ts";
import { markOf, type Mark } from "./marks.ts";
import { Meters, type Hint } from "./meters.ts";
import { settings, telephone } from "./settings.ts";
import { Turns } from "./turns.ts";
import { Wave } from "./wave.ts";

const MARKS_KEPT = 500;

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
const ear = new Ear();
ear.onAnswer = (soundedAt, spokeAt) => {
  if (turns.peek().list.heard(soundedAt, spokeAt)) turns.value = { list: turns.peek().list };
};

export const inCall = computed(() => connection.value !== "idle");
export const assistant = computed(() => {
  const all = info.value?.assistants ?? [];
  const wanted = settings.assistant.value || info.value?.default_assistant;
  return all.find((one) => one.name === wanted) ?? all[0];
});

let client: VoiceClient | undefined;
let logDirty = false;

/** Begins a call. Never throws: what goes wrong is shown. */
export async function start(options: { microphone?: boolean; text?: string } = {}): Promise<void> {
  if (client && connection.value !== "idle") return;
  clear();
  const microphone = options.microphone ?? true;
  client = new VoiceClient({
    key: () => settings.key.value || undefined,
    assistant: settings.assistant.value || undefined,
    talk: settings.talk.value,
    microphone: chosenMicrophone(),
  });
  follow(client);
  try {
    await client.connect({ microphone });
    listensOnly.value = !microphone;
    if (settings.speaker.value) await client.sound.useSpeaker(settings.speaker.value).catch(() => false);
    client.sound.telephone = telephone.value;
    if (options.text) client.sendText(options.text);
  } catch (error) {
    fail(error instanceof VoiceError ? error : new VoiceError("refused", String(error)));
  }
}

function chosenMicrophone(): MicrophoneOptions {
  return {
    deviceId: settings.microphone.value || undefined,
    echoCancellation: settings.echoCancellation.value,
    noiseSuppression: settings.noiseSuppression.value,
    autoGainControl: settings.autoGainControl.value,
  };
}

/** Learns what the service is; asks for a key where it wants one. Says whether one may call. */
async function ask(): Promise<boolean> {
  const said = await fetchInfo(settings.key.value);
  if (said !== "refused") info.value = said;
  if (said === "refused") problem.value = new VoiceError("unauthorized", "It does not know this one.");
  else if (said?.auth === "key" && !settings.key.value) problem.value = new VoiceError("unauthorized", "");
  else return true;
  return false;
}

/** Takes a key; calls at once where there is nothing more to choose. */
export async function unlock(key: string): Promise<void> {
  settings.key.value = key;
  if (!(await ask())) return;
  problem.value = undefined;
  if ((info.value?.assistants.length ?? 0) < 2) await start();
}

export async function stop(): Promise<void> {
  await client?.close();
}

export function press(): void {
  if (connection.value === "idle") void start();
  else client?.talk.press();
}

export function release(): void {
  client?.talk.release();
}

export function cancelTalk(): void {
  client?.talk.cancel();
}

export function interrupt(): void {
  client?.interrupt();
}

export async function write(text: string, pictures: readonly string[] = []): Promise<void> {
  if (connection.value === "idle") {
    // A call without a microphone: whoever writes need not be asked for one.
    await start({ microphone: false });
  }
  ear.wrote(performance.now());
  turns.peek().list.wrote(performance.now());
  const [first, ...others] = pictures;
  for (const picture of others) client?.sendImage(picture);
  if (first) client?.sendImage(first, text);
  else if (text) client?.sendText(text);
}

export function answer(approvalId: string, approve: boolean): void {
  client?.approve(approvalId, approve);
}

export async function plugIn(): Promise<void> {
  try {
    await client?.useMicrophone(chosenMicrophone());
    listensOnly.value = false;
  } catch (error) {
    if (error instanceof VoiceError) problem.value = error;
  }
}

export function open(): void {
  if (globalThis.isSecureContext) void ask();
  else problem.value = new VoiceError("insecure", "");
  watchDevices((plugged) => (devices.value = plugged));
  effect(() => {
    const mode = settings.talk.value;
    client?.talk.setMode(mode);
  });
  effect(() => {
    const on = telephone.value;
    if (client) client.sound.telephone = on;
  });
  effect(() => {
    const speaker = settings.speaker.value;
    if (connection.peek() !== "idle") void client?.sound.useSpeaker(speaker).catch(() => false);
  });
  addEventListener("pagehide", () => void client?.close());
}

function clear(): void {
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

function fail(error: VoiceError): void {
  problem.value = error;
  retryAt.value = error.code === "busy" && error.retryAfterS ? Date.now() + error.retryAfterS * 1000 : undefined;
}

function follow(voice: VoiceClient): void {
  voice.on("state", (state) => {
    batch(() => {
      connection.value = state;
      retrying.value = undefined;
      if (state === "connected") {
        usage.value = { ...usage.peek(), startedAt: usage.peek().startedAt ?? Date.now() };
        void watchLabels();
      }
      if (state === "idle") usage.value = { ...usage.peek(), seconds: secondsInCall(), startedAt: undefined };
      show(voice);
    });
  });
  voice.on("event", (event) => receive(event));
  voice.on("sent", (event) => note("out", event));
  voice.on("conversation", () => show(voice));
  voice.on("retry", (retry) => (retrying.value = retry));
  voice.on("error", fail);
  voice.on("talk", (talk) => {
    held.value = talk.held;
    muted.value = talk.muted;
  });
  voice.on("levels", (levels) => {
    wave.take(levels, performance.now());
    meters.take(levels);
    ear.take(levels, performance.now());
    const on = voice.hasMicrophone && (settings.talk.peek() === "open" ? !muted.peek() : held.peek());
    if (!on) meters.rest();
    hint.value = on ? meters.hint : undefined;
  });
}

/** Labels of devices are known once the microphone was allowed. */
async function watchLabels(): Promise<void> {
  devices.value = await listDevices();
}

function show(voice: VoiceClient): void {
  batch(() => {
    entries.value = [...voice.conversation.entries];
    activity.value = voice.conversation.activity;
  });
}

function note(direction: "in" | "out", event: object & { type: string }): void {
  log.peek().list.add(direction, event, performance.now());
  if (logDirty) return;
  // One drawing for a burst of events.
  logDirty = true;
  requestAnimationFrame(() => {
    logDirty = false;
    log.value = { list: log.peek().list };
  });
}

function receive(event: ServerEvent): void {
  const now = performance.now();
  note("in", event);
  const mark = markOf(event, now);
  if (mark) marks.push(mark);
  if (marks.length > MARKS_KEPT) marks.shift();
  if (turns.peek().list.receive(event, now)) turns.value = { list: turns.peek().list };
  if (event.type === "voice.link") engineLink.value = event.state ?? "";
  if (event.type === "voice.usage" && typeof event.total_usd === "number") usage.value = { ...usage.peek(), usd: event.total_usd };
  if (event.type === "response.done") {
    usage.value = { ...usage.peek(), tokens: usage.peek().tokens + (event.response?.usage?.total_tokens ?? 0) };
  }
  if (event.type === "error") complain(event);
  announce(event);
}

const COMPLAINT_MS = 7_000;
/** Races that a person neither caused nor can mend. */
const NOBODYS_FAULT = new Set(["response_cancel_not_active", "conversation_already_has_active_response"]);
let complaintTimer: ReturnType<typeof setTimeout> | undefined;

function complain(event: ServerEvent): void {
  if (NOBODYS_FAULT.has(event.error?.code ?? "")) return;
  complaint.value = event.error?.message ?? "";
  clearTimeout(complaintTimer);
  complaintTimer = setTimeout(() => (complaint.value = ""), COMPLAINT_MS);
}

function announce(event: ServerEvent): void {
  if (event.type === "conversation.item.input_audio_transcription.completed") announcement.value = `You said: ${event.transcript}`;
  else if (event.item?.type === "mcp_approval_request") announcement.value = `${event.item.name} asks for your approval.`;
  else if (event.type === "output_audio_buffer.cleared") announcement.value = "The assistant stopped.";
  else if (event.type === "response.output_text.done") announcement.value = event.text ?? "";
}

/** Length of this call so far, or of the last one. */
export function secondsInCall(): number {
  const { startedAt, seconds } = usage.peek();
  return startedAt === undefined ? seconds : (Date.now() - startedAt) / 1000;
}
