/** What the client tells, as what the page knows. */

import { batch } from "@preact/signals";
import { listDevices, type ServerEvent, type VoiceClient, type VoiceError } from "voice-client";
import {
  activity, announcement, complaint, connection, devices, ear, engineLink, entries, held, hint, log,
  marks, meters, muted, problem, retryAt, retrying, secondsInCall, turns, usage, wave,
} from "./known.ts";
import { markOf } from "./marks.ts";
import { settings } from "./settings.ts";

const MARKS_KEPT = 500;
let logDirty = false;

/** Shows what ended or prevented a call. */
export function fail(error: VoiceError): void {
  problem.value = error;
  retryAt.value = error.code === "busy" && error.retryAfterS ? Date.now() + error.retryAfterS * 1000 : undefined;
}

/** Takes over what a client tells, until it is thrown away. */
export function follow(voice: VoiceClient): void {
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
