/** What to tell a person about a problem: what it is, and what they can do. */

import type { Problem, VoiceError } from "voice-client";

export interface Advice {
  title: string;
  what: string;
  /** Words for the button that tries again, where that makes sense. */
  again?: string;
  /** Whether writing is possible all the same. */
  write?: boolean;
  /** Whether a key has to be typed in. */
  key?: boolean;
}

const ADVICE: Record<Problem, (error: VoiceError) => Advice> = {
  insecure: () => ({
    title: "Browsers keep the microphone from this address",
    what: `Open this page as https, or on the machine itself as http://localhost. ${location.host} is neither.`,
  }),
  unsupported: () => ({
    title: "This browser cannot make calls",
    what: "It has no WebRTC. A current Chrome, Edge, Firefox or Safari has.",
  }),
  denied: () => ({
    title: "The microphone is blocked",
    what: "Allow it with the icon beside the address, then try again. The system's privacy settings may block it too.",
    again: "Try again",
    write: true,
  }),
  "no-microphone": () => ({
    title: "No microphone found",
    what: "Plug one in, or choose another in the set-up. You can write in the meantime.",
    again: "Try again",
    write: true,
  }),
  "microphone-busy": () => ({
    title: "Another program holds the microphone",
    what: "Close the other call, then try again.",
    again: "Try again",
    write: true,
  }),
  unauthorized: (error) => ({
    title: "This service wants a key",
    what: `${error.message} It is kept until you close this tab.`.trim(),
    key: true,
  }),
  busy: () => ({
    title: "All lines are busy",
    what: "Somebody has to hang up first. The page tries again by itself.",
    again: "Try now",
  }),
  "no-webrtc": () => ({
    title: "The service cannot take calls from browsers yet",
    what: "Its WebRTC part is missing. On the machine that runs it: pip install 'voice[webrtc]', then start it again.",
    again: "Try again",
  }),
  unreachable: (error) => ({
    title: "The service does not answer",
    what: `${error.message} Is it still running? A firewall that stops UDP looks the same.`,
    again: "Try again",
  }),
  refused: (error) => ({ title: "The service said no", what: error.message, again: "Try again" }),
  lost: (error) => ({ title: "The call is gone", what: error.message, again: "Call again" }),
};

export function adviceFor(error: VoiceError): Advice {
  return ADVICE[error.code](error);
}
