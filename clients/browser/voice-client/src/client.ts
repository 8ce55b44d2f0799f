/** A conversation with a voice assistant, from a web page. */

import { Connection } from "./connection.ts";
import { Conversation } from "./conversation.ts";
import { Emitter } from "./emitter.ts";
import { VoiceError } from "./errors.ts";
import type { ClientEvent, ServerEvent, SessionSettings } from "./events.ts";
import { checkSupport, openMicrophone, type MicrophoneOptions } from "./microphone.ts";
import { headersFor, type Key } from "./signalling.ts";
import { Sound, type Level } from "./sound.ts";
import { interruption, Talk, type TalkMode } from "./talk.ts";

export type ConnectionState = "idle" | "connecting" | "connected" | "reconnecting";

export interface VoiceOptions {
  /** Where the service is; the page's own origin when left out. */
  url?: string;
  /** A client secret (`ek_…`), an API key on your own machine, or a function that gives one when needed. */
  key?: Key;
  /** One of the service's assistants by name. */
  assistant?: string | undefined;
  /** Settings of the session, sent as `session.update` when the call begins; what is said is transcribed by default. */
  session?: SessionSettings;
  talk?: TalkMode;
  microphone?: MicrophoneOptions;
  /** Where the voice sounds; an element of its own when left out. */
  audioElement?: HTMLAudioElement;
  iceServers?: RTCIceServer[];
  /** Call again when the line breaks, and tell the new session what was said. On by default. */
  reconnect?: boolean;
  /** Ask for the service's own `voice.*` events: what was heard, latency, tools, cost. On by default. */
  extensions?: boolean;
}

export interface VoiceEvents {
  state: ConnectionState;
  /** Every event from the service. */
  event: ServerEvent;
  /** Every event to the service. */
  sent: ClientEvent;
  /** `conversation` has something new. */
  conversation: Conversation;
  /** The button, the mode or the microphone changed. */
  talk: Talk;
  levels: Level[];
  /** What ended or prevented a call. */
  error: VoiceError;
  /** A try to call again: the how-many-eth, and in how many ms. */
  retry: { attempt: number; inMs: number };
}

/** A name that every service of the protocol knows or maps. */
const TRANSCRIBED: SessionSettings = { audio: { input: { transcription: { model: "gpt-4o-mini-transcribe" } } } };
const TRIES = 8;
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8_000;

export class VoiceClient extends Emitter<VoiceEvents> {
  readonly conversation = new Conversation();
  readonly talk: Talk;
  readonly sound: Sound;
  readonly #options: VoiceOptions;
  #state: ConnectionState = "idle";
  #connection: Connection | undefined;
  #microphone: MediaStream | undefined;
  #microphoneOptions: MicrophoneOptions;
  #stop = new AbortController();
  #created: SessionSettings | undefined;

  constructor(options: VoiceOptions = {}) {
    super();
    this.#options = options;
    this.#microphoneOptions = options.microphone ?? {};
    this.sound = new Sound(options.audioElement);
    this.sound.onLevels = (levels) => this.emit("levels", levels);
    this.talk = new Talk(options.talk ?? "open", {
      send: (event) => void this.send(event),
      microphone: (on) => this.#microphone?.getAudioTracks().forEach((track) => (track.enabled = on)),
      after: (ms, act) => {
        const timer = setTimeout(act, ms);
        return () => clearTimeout(timer);
      },
      now: () => performance.now(),
      busy: () => this.conversation.busy,
      changed: () => this.emit("talk", this.talk),
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get callId(): string | undefined {
    return this.#connection?.callId;
  }

  get hasMicrophone(): boolean {
    return this.#microphone !== undefined;
  }

  /** Calls. With `microphone: false` one can listen and write. Throws VoiceError. */
  async connect({ microphone = true }: { microphone?: boolean } = {}): Promise<void> {
    if (this.#state !== "idle") return;
    this.#stop = new AbortController();
    this.#become("connecting");
    try {
      checkSupport();
      await this.sound.open();
      if (microphone) await this.#openMicrophone();
      await this.#call();
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  /** Sends an event; false when there is no call. */
  send(event: ClientEvent): boolean {
    const sent = this.#connection?.send(event) ?? false;
    if (sent) this.emit("sent", event);
    return sent;
  }

  /** Writes instead of speaking. */
  sendText(text: string): boolean {
    return this.#sendMessage([{ type: "input_text", text }]);
  }

  /** Shows a picture (a data URL), with or without a question. */
  sendImage(dataUrl: string, text = ""): boolean {
    const words = text ? [{ type: "input_text", text }] : [];
    return this.#sendMessage([...words, { type: "input_image", image_url: dataUrl }]);
  }

  /** Answers a tool's request for approval. */
  approve(approvalId: string, approve: boolean, reason?: string): boolean {
    const sent = this.send({
      type: "conversation.item.create",
      item: { type: "mcp_approval_response", approval_request_id: approvalId, approve, ...(reason ? { reason } : {}) },
    });
    if (sent) {
      this.conversation.answered(approvalId, approve, performance.now());
      this.emit("conversation", this.conversation);
    }
    return sent;
  }

  /** Stops the assistant at once. */
  interrupt(): void {
    const [cancel, clear] = interruption() as [ClientEvent, ClientEvent];
    if (this.conversation.responding) this.send(cancel);
    this.send(clear);
  }

  /** Speaks through another microphone; opens one when there was none. Throws VoiceError. */
  async useMicrophone(options: MicrophoneOptions): Promise<void> {
    this.#microphoneOptions = { ...this.#microphoneOptions, ...options };
    if (this.#state === "idle") return;
    await this.#openMicrophone();
    await this.#connection?.replaceTrack(this.#track ?? null);
    this.talk.mute(this.talk.muted);
  }

  stats(): Promise<RTCStatsReport> | undefined {
    return this.#connection?.stats();
  }

  /** Hangs up and lets the microphone go. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort(new VoiceError("lost", "Closed."));
    await this.#end();
  }

  get #track(): MediaStreamTrack | undefined {
    return this.#microphone?.getAudioTracks()[0];
  }

  #sendMessage(content: object[]): boolean {
    if (this.conversation.busy) this.interrupt();
    const item = { type: "message", role: "user", content };
    return this.send({ type: "conversation.item.create", item }) && this.send({ type: "response.create" });
  }

  async #openMicrophone(): Promise<void> {
    const before = this.#microphone;
    this.#microphone = await openMicrophone(this.#microphoneOptions);
    before?.getTracks().forEach((track) => track.stop());
    // Unplugged in mid-call: whatever else there is, is better than silence.
    this.#track?.addEventListener("ended", () => void this.useMicrophone({ deviceId: undefined }).catch(() => undefined));
    this.sound.listenTo(this.#microphone);
  }

  async #call(): Promise<void> {
    let greeted = (): void => undefined;
    const created = new Promise<void>((resolve) => (greeted = resolve));
    const listener = {
      received: (event: ServerEvent) => {
        if (event.type === "session.created") {
          this.#created = event.session;
          greeted();
        }
        this.#receive(event);
      },
      sounds: (stream: MediaStream) => this.sound.play(stream),
      lost: () => {
        greeted();
        void this.#recall();
      },
    };
    const headers = await headersFor(this.#options.key);
    const route = { url: this.#callsUrl(), headers, iceServers: this.#options.iceServers };
    this.#connection = await Connection.open(route, this.#track, listener, this.#stop.signal);
    await Promise.race([created, wait(2_000, this.#stop.signal)]);
    this.#begin();
    this.#become("connected");
  }

  #callsUrl(): string {
    const url = new URL("/v1/realtime/calls", this.#options.url ?? location.origin);
    if (this.#options.assistant) url.searchParams.set("assistant", this.#options.assistant);
    return url.href;
  }

  #begin(): void {
    // One update each: a service that refuses the settings may still tell what happens.
    const { session = TRANSCRIBED, extensions = true } = this.#options;
    const voice = { events: true, link_events: true };
    if (extensions) this.send({ type: "session.update", session: { type: "realtime", voice } });
    if (Object.keys(session).length > 0) this.send({ type: "session.update", session: { type: "realtime", ...session } });
    for (const item of this.conversation.history()) this.send({ type: "conversation.item.create", item });
    this.talk.begin(this.#created?.audio?.input?.turn_detection);
  }

  #receive(event: ServerEvent): void {
    const changed = this.conversation.receive(event, performance.now());
    this.emit("event", event);
    if (changed) this.emit("conversation", this.conversation);
  }

  async #recall(): Promise<void> {
    if (this.#stop.signal.aborted || this.#state !== "connected") return;
    this.conversation.lost(performance.now());
    this.emit("conversation", this.conversation);
    if (!(this.#options.reconnect ?? true)) return this.#giveUp(new VoiceError("lost", "The connection was lost."));
    this.#become("reconnecting");
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const inMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
      this.emit("retry", { attempt, inMs });
      try {
        await wait(inMs, this.#stop.signal);
        return await this.#call();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof VoiceError && !MAY_PASS.has(error.code)) return this.#giveUp(error);
      }
    }
    await this.#giveUp(new VoiceError("lost", "The connection was lost and did not come back."));
  }

  async #giveUp(error: VoiceError): Promise<void> {
    await this.#end();
    this.emit("error", error);
  }

  async #end(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
    this.#microphone?.getTracks().forEach((track) => track.stop());
    this.#microphone = undefined;
    this.sound.listenTo(undefined);
    this.conversation.lost(performance.now());
    await this.sound.close();
    this.#become("idle");
  }

  #become(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}

const MAY_PASS = new Set(["unreachable", "busy", "lost"]);

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
