import { expect, test } from "vitest";

const messages: Float32Array[] = [];
type Processor = { process(inputs: Float32Array[][]): boolean };
let Meter!: new () => Processor;
Object.assign(globalThis, {
  sampleRate: 44_100,
  AudioWorkletProcessor: class {
    port = { postMessage: (rows: Float32Array) => messages.push(rows) };
  },
  registerProcessor: (_name: string, made: new () => Processor) => (Meter = made),
});
await import("../voice-client/src/meter.worklet.js");

test("a second is a hundred windows at any rate, and both sides are measured", () => {
  const meter = new Meter();
  const you = new Float32Array(128).fill(0.5);
  const them = new Float32Array(128).fill(-0.25);
  for (let block = 0; block < 44_100 / 128; block++) meter.process([[you], [them]]);
  expect(messages.length).toBe(25);
  expect([...(messages[3] ?? [])].slice(0, 4)).toEqual([0.5, 0.5, 0.25, 0.25]);
});

test("a side without sound is silent", () => {
  messages.length = 0;
  const meter = new Meter();
  for (let block = 0; block < 20; block++) meter.process([[], []]);
  expect([...(messages[0] ?? [])]).toEqual(Array<number>(16).fill(0));
});
