/** Everything audible: the loudspeaker, the meters over both directions, and the telephone's sound. */

/** One window of 10 ms, linear, 1 = full scale. */
export interface Level {
  inputRms: number;
  inputPeak: number;
  outputRms: number;
  outputPeak: number;
}

export const LEVEL_WINDOW_MS = 10;

const LOW_HZ = 300;
const HIGH_HZ = 3_400;

/** dB below full scale; -100 for silence. */
export function decibels(linear: number): number {
  return linear > 1e-5 ? 20 * Math.log10(linear) : -100;
}

export class Sound {
  /** Told every 40 ms, four windows at a time. */
  onLevels: ((levels: Level[]) => void) | undefined;
  readonly #element: HTMLAudioElement;
  #context: AudioContext | undefined;
  #meter: AudioWorkletNode | undefined;
  #input: MediaStreamAudioSourceNode | undefined;
  #output: MediaStreamAudioSourceNode | undefined;
  #line: AudioNode[] = [];
  #inputStream: MediaStream | undefined;
  #telephone = false;
  #speakerId = "";

  constructor(element?: HTMLAudioElement) {
    this.#element = element ?? new Audio();
    this.#element.autoplay = true;
  }

  /** Makes the graph. Call it from a click: browsers give no sound before one.
   *
   * Where the worklets cannot be loaded (their files are not served, or a policy forbids them) one can talk all the same,
   * without meters and without the telephone's sound.
   */
  async open(): Promise<void> {
    if (this.#context) return;
    const context = (this.#context = new AudioContext({ latencyHint: "interactive" }));
    try {
      await Promise.all([
        context.audioWorklet.addModule(new URL("./meter.worklet.js", import.meta.url)),
        context.audioWorklet.addModule(new URL("./telephone.worklet.js", import.meta.url)),
        context.resume(),
      ]);
    } catch {
      return;
    }
    if (this.#context !== context) return;
    this.#meter = new AudioWorkletNode(context, "voice-meter", { numberOfInputs: 2, numberOfOutputs: 0 });
    this.#meter.port.onmessage = (message: MessageEvent<Float32Array>) => this.onLevels?.(rows(message.data));
    if (this.#inputStream) this.listenTo(this.#inputStream);
  }

  /** Meters this microphone from now on, or none. */
  listenTo(stream: MediaStream | undefined): void {
    this.#inputStream = stream;
    this.#input?.disconnect();
    this.#input = undefined;
    if (!stream || !this.#context || !this.#meter) return;
    this.#input = this.#context.createMediaStreamSource(stream);
    this.#input.connect(this.#meter, 0, 0);
  }

  /** Sounds what the assistant says. */
  play(stream: MediaStream): void {
    // Chromium decodes a remote track only when an element plays it, also for the graph.
    this.#element.srcObject = stream;
    void this.#element.play().catch(() => undefined);
    this.#output?.disconnect();
    this.#output = this.#context?.createMediaStreamSource(stream);
    this.#route();
  }

  /** Hear it as a telephone would carry it. */
  set telephone(on: boolean) {
    this.#telephone = on;
    this.#route();
  }

  get telephone(): boolean {
    return this.#telephone;
  }

  /** Sounds through another loudspeaker (its device id; empty: the usual one). False where browsers cannot. */
  async useSpeaker(deviceId: string): Promise<boolean> {
    this.#speakerId = deviceId;
    const element = this.#element as HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };
    if (!element.setSinkId) return false;
    await element.setSinkId(deviceId);
    await this.#routeContext();
    return true;
  }

  async close(): Promise<void> {
    const context = this.#context;
    this.#context = this.#meter = this.#input = this.#output = undefined;
    this.#line = [];
    this.#element.srcObject = null;
    await context?.close();
  }

  #route(): void {
    for (const node of this.#line) node.disconnect();
    this.#line = [];
    this.#element.muted = this.#telephone && this.#meter !== undefined;
    if (!this.#context || !this.#meter || !this.#output) return;
    this.#output.disconnect();
    this.#output.connect(this.#meter, 0, 1);
    if (!this.#telephone) return;
    void this.#routeContext();
    const band = () => [this.#filter("highpass", LOW_HZ), this.#filter("lowpass", HIGH_HZ)];
    const telephone = new AudioWorkletNode(this.#context, "voice-telephone", { outputChannelCount: [1] });
    this.#line = [...band(), ...band(), telephone, ...band(), ...band()];
    let before: AudioNode = this.#output;
    for (const node of this.#line) before = before.connect(node);
    before.connect(this.#context.destination);
  }

  #filter(type: BiquadFilterType, frequency: number): BiquadFilterNode {
    return new BiquadFilterNode(this.#context as AudioContext, { type, frequency, Q: Math.SQRT1_2 });
  }

  async #routeContext(): Promise<void> {
    const context = this.#context as (AudioContext & { setSinkId?: (id: string) => Promise<void> }) | undefined;
    if (this.#speakerId) await context?.setSinkId?.(this.#speakerId).catch(() => undefined);
  }
}

function rows(data: Float32Array): Level[] {
  const levels: Level[] = [];
  for (let i = 0; i + 3 < data.length; i += 4) {
    levels.push({
      inputRms: data[i] ?? 0, inputPeak: data[i + 1] ?? 0, outputRms: data[i + 2] ?? 0, outputPeak: data[i + 3] ?? 0,
    });
  }
  return levels;
}
