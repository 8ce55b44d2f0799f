/** One WebRTC call: a peer connection, its data channel of events, and how it ends. */

import { parseEvent, type ClientEvent, type ServerEvent } from "./events.ts";
import { VoiceError } from "./errors.ts";
import { exchangeSdp, hangUp } from "./signalling.ts";

export interface ConnectionListener {
  received(event: ServerEvent): void;
  sounds(stream: MediaStream): void;
  /** Over, and not by `close`. Called once. */
  lost(): void;
}

export interface Route {
  /** The whole URL that takes offers. */
  url: string;
  headers: Record<string, string>;
  iceServers?: RTCIceServer[] | undefined;
}

const CHANNEL = "oai-events";
const OPENS_WITHIN_MS = 15_000;
/** A path that is gone this long is looked for anew (an ICE restart), after a change of network for example. */
const SILENCE_MS = 800;
/** A call that is not back so long after that is lost. */
const RESTARTS_WITHIN_MS = 5_000;

export class Connection {
  readonly #peer: RTCPeerConnection;
  readonly #channel: RTCDataChannel;
  readonly #listener: ConnectionListener;
  readonly #headers: Record<string, string>;
  #sender: RTCRtpSender;
  #callUrl: string | undefined;
  #over = false;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #restarting = false;

  private constructor(route: Route, track: MediaStreamTrack | undefined, listener: ConnectionListener) {
    this.#listener = listener;
    this.#headers = route.headers;
    this.#peer = new RTCPeerConnection(route.iceServers ? { iceServers: route.iceServers } : {});
    // Without a microphone the line is there all the same, and one can be plugged in later.
    const direction = { direction: "sendrecv" } as const;
    this.#sender = this.#peer.addTransceiver(track ?? "audio", direction).sender;
    this.#channel = this.#peer.createDataChannel(CHANNEL);
    this.#peer.ontrack = (event) => listener.sounds(event.streams[0] ?? new MediaStream([event.track]));
    this.#channel.onmessage = (message) => this.#receive(message.data);
    this.#channel.onclose = () => this.#lose();
    this.#peer.onconnectionstatechange = () => this.#watch();
  }

  /** Calls, and waits until events can flow. Throws VoiceError; nothing is left behind then. */
  static async open(
    route: Route, track: MediaStreamTrack | undefined, listener: ConnectionListener, signal?: AbortSignal,
  ): Promise<Connection> {
    const connection = new Connection(route, track, listener);
    try {
      await connection.#call(route, signal);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  get callId(): string | undefined {
    return this.#callUrl?.split("/").at(-1);
  }

  send(event: ClientEvent): boolean {
    if (this.#channel.readyState !== "open") return false;
    this.#channel.send(JSON.stringify(event));
    return true;
  }

  /** Speaks through another microphone, or none, without a new call. */
  async replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    await this.#sender.replaceTrack(track);
  }

  stats(): Promise<RTCStatsReport> {
    return this.#peer.getStats();
  }

  /** Hangs up. Idempotent; `lost` is not called any more. */
  close(): void {
    if (!this.#over && this.#callUrl) void hangUp(this.#callUrl, this.#headers);
    this.#end();
  }

  async #call(route: Route, signal?: AbortSignal): Promise<void> {
    await this.#peer.setLocalDescription(await this.#peer.createOffer());
    const opened = await exchangeSdp(route.url, this.#peer.localDescription?.sdp ?? "", route.headers, signal);
    this.#callUrl = opened.callUrl;
    await this.#peer.setRemoteDescription({ type: "answer", sdp: opened.answer });
    await this.#opened(signal);
  }

  #opened(signal?: AbortSignal): Promise<void> {
    if (this.#channel.readyState === "open") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const fail = () => reject(new VoiceError("unreachable", "The service answered, but no sound path was found."));
      const timer = setTimeout(fail, OPENS_WITHIN_MS);
      this.#channel.addEventListener("open", () => (clearTimeout(timer), resolve()), { once: true });
      this.#channel.addEventListener("close", () => (clearTimeout(timer), fail()), { once: true });
      signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
    });
  }

  #receive(data: unknown): void {
    const event = parseEvent(data);
    if (event && !this.#over) this.#listener.received(event);
  }

  #watch(): void {
    clearTimeout(this.#silence);
    const state = this.#peer.connectionState;
    if (state === "connected") this.#restarting = false;
    else if (state === "closed" || (state === "failed" && this.#restarting)) this.#lose();
    else if (state === "failed") void this.#restart();
    else if (state === "disconnected") this.#silence = setTimeout(() => void this.#restart(), SILENCE_MS);
  }

  /** Another offer on the same call: the conversation goes on where it was. */
  async #restart(): Promise<void> {
    if (this.#restarting || this.#over || !this.#callUrl) return;
    this.#restarting = true;
    const giveUp = setTimeout(() => this.#restarting && this.#lose(), RESTARTS_WITHIN_MS);
    try {
      await this.#peer.setLocalDescription(await this.#peer.createOffer({ iceRestart: true }));
      const { answer } = await exchangeSdp(this.#callUrl, this.#peer.localDescription?.sdp ?? "", this.#headers);
      if (!this.#over) await this.#peer.setRemoteDescription({ type: "answer", sdp: answer });
    } catch {
      clearTimeout(giveUp);
      this.#lose();
    }
  }

  #lose(): void {
    if (this.#over) return;
    const wasOpen = this.#callUrl !== undefined;
    this.#end();
    if (wasOpen) this.#listener.lost();
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#silence);
    this.#channel.onclose = null;
    this.#peer.onconnectionstatechange = null;
    this.#channel.close();
    this.#peer.close();
  }
}
