import { VoiceError } from "voice-client";
import { beforeAll, describe, expect, test } from "vitest";
import { Ear } from "../src/ear.ts";
import { EventLog, filtered, readable } from "../src/log.ts";
import { markOf } from "../src/marks.ts";
import { Meters, share } from "../src/meters.ts";
import { adviceFor } from "../src/problems.ts";
import { spans, Turns } from "../src/turns.ts";
import { Wave } from "../src/wave.ts";

const level = (input: number, output = 0) => ({ inputRms: input / 2, inputPeak: input, outputRms: output / 2, outputPeak: output });
const windows = (count: number, input: number) => Array.from({ length: count }, () => level(input));

describe("the event log", () => {
  const log = new EventLog();
  log.add("in", { type: "session.created" }, 1000);
  log.add("out", { type: "session.update" }, 1250);
  log.add("in", { type: "response.output_audio_transcript.delta", delta: "hi" }, 1300);

  test("is filtered by words, without words, and without deltas", () => {
    const types = (filter: string, deltas: boolean) => filtered(log.entries, filter, deltas).map((entry) => entry.event.type);
    expect(types("", false)).toEqual(["session.created", "session.update"]);
    expect(types("session -created", true)).toEqual(["session.update"]);
    expect(types("in hi", true)).toEqual(["response.output_audio_transcript.delta"]);
  });

  test("is exported as lines of JSON that tell when and which way", () => {
    const lines = log.jsonl().trimEnd().split("\n").map((line) => JSON.parse(line) as object);
    expect(lines[1]).toEqual({ at_ms: 250, direction: "out", event: { type: "session.update" } });
  });

  test("keeps the newest when it is full, and says so", () => {
    const full = new EventLog();
    for (let i = 0; i < 5_010; i++) full.add("in", { type: "x" }, i);
    expect([full.entries.length, full.dropped, full.entries[0]?.number]).toEqual([5_000, 10, 11]);
  });

  test("shows a picture as its length", () => {
    expect(readable({ image_url: "x".repeat(1000) })).toContain("(1000 characters)");
  });
});

describe("waits", () => {
  const asked = (turns: Turns, at: number) => {
    turns.receive({ type: "input_audio_buffer.speech_started" }, at - 900);
    turns.receive({ type: "input_audio_buffer.committed" }, at);
  };

  test("are timed from sound to sound, through a tool and out again", () => {
    const turns = new Turns();
    asked(turns, 1500);
    turns.receive({ type: "response.created", response: { id: "tool", status: "in_progress" } }, 1510);
    turns.receive({ type: "response.created", response: { id: "r", status: "in_progress" } }, 1700);
    turns.receive({ type: "response.output_audio_transcript.delta", response_id: "r" }, 1750);
    turns.receive({ type: "output_audio_buffer.started", response_id: "r" }, 1790);
    expect(turns.heard(1850, 1000)).toBe(true);
    expect(spans(turns.list[0]!)).toEqual([{ name: "decide", ms: 510 }, { name: "think", ms: 240 }, { name: "sound", ms: 100 }]);
    expect(turns.summary).toEqual({ medianMs: 850, p95Ms: 850, count: 1 });
  });

  test("are the service's where nothing can be timed here, and ours where both are known", () => {
    const turns = new Turns();
    const told = { type: "voice.turn", response_id: "r", decision_ms: 500, first_delta_ms: 580, first_audio_ms: 700 };
    expect(turns.receive(told, 0)).toBe(true);
    expect(turns.list).toMatchObject([{ decisionMs: 500, firstAudioMs: 700, heardHere: false }]);
    asked(turns, 2000);
    turns.receive({ type: "output_audio_buffer.started", response_id: "r2" }, 2400);
    turns.heard(2500, 1600);
    turns.receive({ ...told, response_id: "r2" }, 2510);
    expect(turns.list[1]).toMatchObject({ firstAudioMs: 900, heardHere: true });
  });

  test("begin with the message of who writes", () => {
    const turns = new Turns();
    turns.wrote(1000);
    turns.receive({ type: "response.created", response: { id: "r", status: "in_progress" } }, 1010);
    turns.receive({ type: "output_audio_buffer.started", response_id: "r" }, 1200);
    turns.heard(1300, 1000);
    expect(turns.list).toMatchObject([{ decisionMs: 10, firstAudioMs: 300 }]);
  });

  test("have none for a reply that nobody asked for", () => {
    const turns = new Turns();
    turns.receive({ type: "response.created", response: { id: "r", status: "in_progress" } }, 10);
    turns.receive({ type: "output_audio_buffer.started", response_id: "r" }, 20);
    expect([turns.heard(30, 5), turns.list, turns.summary]).toEqual([false, [], undefined]);
  });
});

test("the ear times each answer once, from the last loud window to the first of the answer", () => {
  const answers: number[][] = [];
  const ear = new Ear();
  ear.onAnswer = (soundedAt, spokeAt) => answers.push([soundedAt, spokeAt]);
  let now = 0;
  const listen = (count: number, input: number, output: number) => {
    now += count * 10;
    ear.take(Array.from({ length: count }, () => level(input, output)), now);
  };
  listen(100, 0.4, 0);
  listen(80, 0.01, 0);
  listen(100, 0.01, 0.3);
  listen(10, 0.01, 0);
  listen(100, 0.01, 0.3);
  expect(answers).toEqual([[1800, 1000]]);
});

describe("the meters", () => {
  test("hint at clipping, and forget it", () => {
    const meters = new Meters();
    meters.take(windows(5, 1));
    expect([meters.hint, meters.clipping]).toEqual(["clipping", true]);
    meters.take(windows(300, 0.1));
    expect([meters.hint, meters.clipping]).toEqual([undefined, false]);
  });

  test("hint at a dead microphone after four seconds, but not at a quiet room", () => {
    const meters = new Meters();
    meters.take(windows(399, 0));
    expect(meters.hint).toBeUndefined();
    meters.take(windows(1, 0));
    expect(meters.hint).toBe("no-signal");
    meters.take(windows(500, 0.002));
    expect(meters.hint).toBeUndefined();
  });

  test("go up at once and down slowly", () => {
    const meters = new Meters();
    meters.take(windows(1, 1));
    const top = meters.inputDb;
    meters.take(windows(10, 0));
    expect(top).toBeCloseTo(-6, 0);
    expect(meters.inputDb).toBeCloseTo(top - 16, 1);
    expect([share(0), share(-60), share(-100)]).toEqual([1, 0, 0]);
  });
});

test("the wave is read by the clock and forgets what is older than it is long", () => {
  const wave = new Wave();
  wave.take(windows(100, 0.1), 1000);
  wave.take([level(0.9)], 1010);
  expect(wave.peak(wave.input, 1000, 1010)).toBeCloseTo(0.9);
  expect(wave.peak(wave.input, 500, 900)).toBeCloseTo(0.1);
  wave.take(windows(180_000, 0), 1_801_010);
  expect(wave.peak(wave.input, 0, 1_801_010)).toBe(0);
});

test("gusts of messages do not shake the wave", () => {
  const wave = new Wave();
  wave.take(windows(4, 0.1), 1000);
  wave.take(windows(4, 0.1), 1090);
  expect(wave.endsAt).toBeCloseTo(1042.5);
  wave.take(windows(4, 0.1), 9000);
  expect(wave.endsAt).toBe(9000);
});

test.each([
  [{ type: "voice.floor", state: "duck" }, "duck", "duck"],
  [{ type: "conversation.item.truncated", audio_end_ms: 2340 }, "truncate", "cut at 2.3 s"],
  [{ type: "response.done", response: { id: "r", status: "cancelled" as const } }, "cancel", "cancelled"],
  [{ type: "response.done", response: { id: "r", status: "completed" as const } }, undefined, undefined],
])("%j makes the mark %s", (event, kind, label) => {
  expect(markOf(event, 5)).toEqual(kind ? { kind, at: 5, label } : undefined);
});

describe("every problem has advice", () => {
  beforeAll(() => void Object.assign(globalThis, { location: { host: "192.0.2.7:8080" } }));

  test.each([
    ["insecure", "192.0.2.7:8080"], ["unsupported", "WebRTC"], ["denied", "Allow it"], ["no-microphone", "Plug one in"],
    ["microphone-busy", "other call"], ["unauthorized", "kept until"], ["busy", "hang up"], ["no-webrtc", "pip install"],
    ["unreachable", "running"], ["refused", "told"], ["lost", "told"],
  ] as const)("%s", (code, words) => {
    const advice = adviceFor(new VoiceError(code, "told"));
    expect(advice.title).not.toBe("");
    expect(advice.what).toContain(words);
  });
});
