/** What a person can do: call, talk, write, answer, hang up. */

import { effect } from "@preact/signals";
import { VoiceClient, VoiceError, watchDevices, type MicrophoneOptions } from "voice-client";
import { fail, follow } from "./following.ts";
import { fetchInfo } from "./info.ts";
import { clear, connection, devices, ear, info, listensOnly, problem, turns } from "./known.ts";
import { settings, telephone } from "./settings.ts";

let client: VoiceClient | undefined;

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
