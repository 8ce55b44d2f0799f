/** The microphone: permission, choice, plugging in and out. */

import { VoiceError, microphoneError } from "./errors.ts";

export interface MicrophoneOptions {
  deviceId?: string | undefined;
  /** All on by default: what a call through loudspeakers needs. */
  echoCancellation?: boolean;
  noiseSuppression?: boolean;
  autoGainControl?: boolean;
}

export interface Devices {
  microphones: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

/** Opens a microphone. Throws VoiceError (insecure, unsupported, denied, no-microphone, microphone-busy). */
export async function openMicrophone(options: MicrophoneOptions = {}): Promise<MediaStream> {
  checkSupport();
  const { deviceId, ...processing } = options;
  const audio: MediaTrackConstraints = {
    echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1, ...processing,
  };
  if (deviceId) audio.deviceId = { exact: deviceId };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const problem = microphoneError(error);
    // The chosen one was unplugged: any other is better than none.
    if (deviceId && problem.code === "no-microphone") return openMicrophone({ ...options, deviceId: undefined });
    throw problem;
  }
}

/** Throws VoiceError where no call is possible at all. */
export function checkSupport(): void {
  if (!globalThis.isSecureContext) {
    throw new VoiceError("insecure", "Browsers open the microphone only on https and on localhost.");
  }
  if (typeof RTCPeerConnection === "undefined" || !navigator.mediaDevices) {
    throw new VoiceError("unsupported", "This browser has no WebRTC.");
  }
}

/** What is plugged in. Labels are empty until the microphone was allowed once. */
export async function listDevices(): Promise<Devices> {
  if (!navigator.mediaDevices) return { microphones: [], speakers: [] };
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== "");
  return { microphones: of("audioinput"), speakers: of("audiooutput") };
}

/** Calls back now and whenever something is plugged in or out; returns how to stop that. */
export function watchDevices(changed: (devices: Devices) => void): () => void {
  const look = () => void listDevices().then(changed, () => undefined);
  look();
  navigator.mediaDevices?.addEventListener("devicechange", look);
  return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
}
