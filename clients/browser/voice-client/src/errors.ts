/** What can go wrong, as a program can tell it apart. */
export type Problem =
  /** The page is neither https nor localhost: browsers give no microphone to it. */
  | "insecure"
  /** This browser has no WebRTC. */
  | "unsupported"
  /** The person, or a policy of the browser, said no to the microphone. */
  | "denied"
  /** No microphone is plugged in, or the chosen one is gone. */
  | "no-microphone"
  /** Another program holds the microphone. */
  | "microphone-busy"
  /** The service wants a key, or another one. */
  | "unauthorized"
  /** Every line is taken; `retryAfterS` says when to try again. */
  | "busy"
  /** The service was installed without WebRTC. */
  | "no-webrtc"
  /** Nobody answers at the service's address. */
  | "unreachable"
  /** The service answered, and said no. */
  | "refused"
  /** The connection broke and did not come back. */
  | "lost";

/** An error with a code for programs and a sentence for people. */
export class VoiceError extends Error {
  readonly code: Problem;
  readonly retryAfterS: number | undefined;

  constructor(code: Problem, message: string, retryAfterS?: number) {
    super(message);
    this.name = "VoiceError";
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** What getUserMedia threw, as one of ours. */
export function microphoneError(error: unknown): VoiceError {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return new VoiceError("denied", "The microphone was not allowed.");
    case "NotFoundError":
    case "OverconstrainedError":
      return new VoiceError("no-microphone", "No microphone was found.");
    case "NotReadableError":
    case "AbortError":
      return new VoiceError("microphone-busy", "Another program is using the microphone.");
    default:
      return new VoiceError("no-microphone", `The microphone could not be opened: ${String(error)}`);
  }
}
