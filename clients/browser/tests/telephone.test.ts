import { expect, test } from "vitest";

Object.assign(globalThis, { AudioWorkletProcessor: class {} });
const { throughMuLaw } = await import("../voice-client/src/telephone.worklet.js");

test("mu-law keeps the sign, the size within its steps, and nothing beyond full scale", () => {
  for (const sample of [0, 0.001, -0.02, 0.3, -0.7, 1]) {
    expect(Math.abs(throughMuLaw(sample) - sample)).toBeLessThan(0.002 + Math.abs(sample) * 0.025);
  }
  expect(throughMuLaw(3)).toBe(1);
  expect(new Set(Array.from({ length: 20_001 }, (_, i) => throughMuLaw(i / 10_000 - 1))).size).toBe(255);
});
