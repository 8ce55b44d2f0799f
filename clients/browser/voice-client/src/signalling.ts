/** The two HTTP requests of a call: the offer that opens it, and the goodbye. */

import { VoiceError } from "./errors.ts";

/** A key, or what gives one when it is needed (a client secret from your own backend, for example). */
export type Key = string | undefined | (() => string | undefined | Promise<string | undefined>);

export interface Opened {
  answer: string;
  /** Where the call can be hung up; unknown when the service did not say. */
  callUrl: string | undefined;
}

const BUSY_S = 5;

export async function headersFor(key: Key): Promise<Record<string, string>> {
  const value = typeof key === "function" ? await key() : key;
  return value ? { authorization: `Bearer ${value}` } : {};
}

/** Posts an SDP offer. Throws VoiceError. */
export async function exchangeSdp(
  url: string, offer: string, headers: Record<string, string>, signal?: AbortSignal,
): Promise<Opened> {
  let response: globalThis.Response;
  try {
    response = await fetch(url, {
      method: "POST",
      body: offer,
      headers: { "content-type": "application/sdp", accept: "application/sdp", ...headers },
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new VoiceError("unreachable", "The service does not answer.");
  }
  if (!response.ok) throw await refusal(response);
  const location = response.headers.get("location");
  return { answer: await response.text(), callUrl: location ? new URL(location, response.url || url).href : undefined };
}

/** Ends a call for good. Never throws: the service ends it by itself when the peer is gone. */
export async function hangUp(callUrl: string, headers: Record<string, string>): Promise<void> {
  try {
    await fetch(`${callUrl}/hangup`, { method: "POST", headers, keepalive: true });
  } catch {
    // It is over all the same.
  }
}

/** What a response other than 2xx means. */
export async function refusal(response: globalThis.Response): Promise<VoiceError> {
  const said = await messageOf(response);
  switch (response.status) {
    case 401:
      return new VoiceError("unauthorized", said || "The service wants a key.");
    case 403:
      return new VoiceError("unauthorized", said || "This key, or this page, may not call.");
    case 429:
    case 503:
      return new VoiceError("busy", said || "Every line is taken.", retryAfter(response));
    case 501:
      return new VoiceError("no-webrtc", said || "The service was installed without WebRTC.");
    default:
      return new VoiceError("refused", said || `The service answered ${response.status}.`);
  }
}

async function messageOf(response: globalThis.Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: { message?: unknown } };
    return typeof body.error?.message === "string" ? body.error.message : "";
  } catch {
    return "";
  }
}

function retryAfter(response: globalThis.Response): number {
  const seconds = Number(response.headers.get("retry-after"));
  return Number.isFinite(seconds) && seconds > 0 ? seconds : BUSY_S;
}
