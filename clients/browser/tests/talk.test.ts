import { beforeEach, describe, expect, test } from "vitest";
import type { ClientEvent } from "../voice-client/src/events.ts";
import { Talk, type TalkMode } from "../voice-client/src/talk.ts";

let now = 0;
let busy = false;
let microphone: boolean | undefined;
let sent: string[] = [];
let updates: ClientEvent[] = [];
let later: { at: number; act: () => void }[] = [];

function talk(mode: TalkMode): Talk {
  const made = new Talk(mode, {
    send: (event) => {
      sent.push(event.type);
      if (event.type === "session.update") updates.push(event);
    },
    microphone: (on) => (microphone = on),
    after: (ms, act) => {
      const timer = { at: now + ms, act };
      later.push(timer);
      return () => (later = later.filter((one) => one !== timer));
    },
    now: () => now,
    busy: () => busy,
    changed: () => undefined,
  }, { tapMs: 180, tailMs: 260 });
  made.begin({ type: "semantic_vad" });
  sent = [];
  return made;
}

function pass(ms: number): void {
  now += ms;
  const due = later.filter((timer) => timer.at <= now);
  later = later.filter((timer) => timer.at > now);
  due.forEach((timer) => timer.act());
}

beforeEach(() => {
  [now, busy, microphone, sent, updates, later] = [0, false, undefined, [], [], []];
});

describe("hold", () => {
  test("a turn lasts from the press until a moment after the release", () => {
    const button = talk("hold");
    expect(microphone).toBe(false);
    button.press();
    expect([microphone, sent]).toEqual([true, ["input_audio_buffer.clear"]]);
    pass(900);
    button.release();
    pass(259);
    expect([microphone, sent.length]).toEqual([true, 1]);
    pass(1);
    expect([microphone, sent.slice(1)]).toEqual([false, ["input_audio_buffer.commit", "response.create"]]);
  });

  test("a slip of the finger is no turn", () => {
    const button = talk("hold");
    button.press();
    pass(179);
    button.release();
    pass(1000);
    expect(sent).toEqual(["input_audio_buffer.clear", "input_audio_buffer.clear"]);
    expect(microphone).toBe(false);
  });

  test("pressing again within the tail goes on with the same turn", () => {
    const button = talk("hold");
    button.press();
    pass(900);
    button.release();
    pass(100);
    button.press();
    pass(500);
    button.release();
    pass(260);
    expect(sent).toEqual(["input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"]);
  });

  test("pressing while the assistant speaks stops it first", () => {
    const button = talk("hold");
    busy = true;
    button.press();
    expect(sent).toEqual(["response.cancel", "output_audio_buffer.clear", "input_audio_buffer.clear"]);
  });

  test("what was said can be taken back, also after the release", () => {
    const button = talk("hold");
    button.press();
    pass(900);
    button.release();
    button.cancel();
    pass(1000);
    expect(sent).toEqual(["input_audio_buffer.clear", "input_audio_buffer.clear"]);
    expect(microphone).toBe(false);
  });
});

describe("toggle", () => {
  test("one press begins, the next ends; letting go means nothing", () => {
    const button = talk("toggle");
    button.press();
    button.release();
    pass(2000);
    expect([microphone, button.held]).toEqual([true, true]);
    button.press();
    pass(260);
    expect([microphone, sent.slice(1)]).toEqual([false, ["input_audio_buffer.commit", "response.create"]]);
  });
});

describe("open", () => {
  test("the button mutes", () => {
    const button = talk("open");
    expect(microphone).toBe(true);
    button.press();
    expect([microphone, button.muted, sent]).toEqual([false, true, []]);
    button.press();
    expect(microphone).toBe(true);
  });

  test("going to the button and back gives the service its own turn detection again", () => {
    const button = talk("open");
    button.setMode("hold");
    button.setMode("open");
    const detections = updates.map((event) => (event["session"] as { audio: { input: object } }).audio.input);
    expect(detections).toEqual([{ turn_detection: null }, { turn_detection: { type: "semantic_vad" } }]);
    expect(microphone).toBe(true);
  });
});
