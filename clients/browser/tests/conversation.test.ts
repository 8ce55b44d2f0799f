import { beforeEach, describe, expect, test } from "vitest";
import { Conversation, type Message, type ToolCall } from "../voice-client/src/conversation.ts";
import type { ServerEvent } from "../voice-client/src/events.ts";
import { heardLength } from "../voice-client/src/handlers.ts";

let talk: Conversation;
let now: number;

beforeEach(() => {
  talk = new Conversation();
  now = 0;
});

function hear(...events: ServerEvent[]): void {
  for (const event of events) talk.receive(event, ++now);
}

const asked = (id: string, text: string): ServerEvent[] => [
  { type: "input_audio_buffer.speech_started", item_id: id },
  { type: "input_audio_buffer.speech_stopped", item_id: id },
  { type: "input_audio_buffer.committed", item_id: id },
  { type: "conversation.item.added", item: { id, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] } },
  { type: "conversation.item.input_audio_transcription.completed", item_id: id, transcript: text },
];

const begins = (response: string, id: string): ServerEvent[] => [
  { type: "response.created", response: { id: response, status: "in_progress" } },
  { type: "response.output_item.added", response_id: response, item: { id, type: "message", role: "assistant", content: [] } },
  { type: "output_audio_buffer.started", response_id: response },
];

const says = (response: string, id: string, ...words: string[]): ServerEvent[] =>
  words.map((delta) => ({ type: "response.output_audio_transcript.delta", response_id: response, item_id: id, delta }));

const ends = (response: string, status: "completed" | "cancelled" = "completed"): ServerEvent => (
  { type: "response.done", response: { id: response, status } });

const message = (id: string) => talk.find(id) as Message;
const tool = () => talk.entries.find((entry): entry is ToolCall => entry.kind === "tool");

test("a turn: heard, thought about, answered, over", () => {
  hear({ type: "input_audio_buffer.speech_started", item_id: "u" });
  expect(talk.activity).toBe("hearing");
  hear(...asked("u", "what time is it"), { type: "response.created", response: { id: "r", status: "in_progress" } });
  expect(talk.activity).toBe("thinking");
  hear(...begins("r", "a"), ...says("r", "a", "It is ", "noon."));
  expect(talk.activity).toBe("speaking");
  hear(ends("r"), { type: "output_audio_buffer.stopped", response_id: "r" });
  expect(talk.activity).toBe("listening");
  expect(talk.entries.map((entry) => (entry as Message).text)).toEqual(["what time is it", "It is noon."]);
  expect(message("a").interrupted).toBe(false);
});

test("a transcript that comes late takes the place of its turn", () => {
  hear({ type: "input_audio_buffer.committed", item_id: "u" }, ...begins("r", "a"), ...says("r", "a", "Hello."), ends("r"));
  hear({ type: "conversation.item.input_audio_transcription.completed", item_id: "u", transcript: "hi" });
  expect(talk.entries.map((entry) => entry.id)).toEqual(["u", "a"]);
  expect(message("u").text).toBe("hi");
});

describe("what was heard", () => {
  test("runs behind what was said", () => {
    hear(...begins("r", "a"), ...says("r", "a", "One two three."));
    hear({ type: "voice.heard", item_id: "a", heard_ms: 300, text: "One", unheard_text: " two three.", final: false });
    expect(message("a").heardChars).toBe(3);
    hear({ type: "voice.heard", item_id: "a", heard_ms: 900, text: "One two three.", unheard_text: "", final: true });
    expect([message("a").heardChars, message("a").interrupted]).toEqual([undefined, false]);
  });

  test("ends where the person spoke over it, and that is what a new session is told", () => {
    hear(...asked("u", "count"), ...begins("r", "a"), ...says("r", "a", "One two three."));
    hear(ends("r", "cancelled"), { type: "output_audio_buffer.cleared", response_id: "r" });
    hear({ type: "conversation.item.truncated", item_id: "a", audio_end_ms: 612 });
    hear({ type: "voice.heard", item_id: "a", heard_ms: 612, text: "One two", unheard_text: " three.", final: true });
    expect(message("a")).toMatchObject({ interrupted: true, heardMs: 612, heardChars: 7 });
    expect(talk.history()).toEqual([
      { id: "u", type: "message", role: "user", content: [{ type: "input_text", text: "count" }] },
      { id: "a", type: "message", role: "assistant", content: [{ type: "output_text", text: "One two" }] },
    ]);
  });

  test.each([
    ["One two three.", "One two", " three.", 7],
    ["One two  three.", "one two", " three.", 8],
    ["One two three.", "something else entirely", undefined, 14],
  ])("in %j", (text, heard, unheard, length) => {
    expect(heardLength(text, heard, unheard)).toBe(length);
  });
});

describe("tools", () => {
  const call = { id: "m1", type: "mcp_call", name: "calculate", server_label: "voice", arguments: '{"expression":"6*7"}' };

  test("run, tell how far they are, and are done", () => {
    hear({ type: "response.output_item.added", item: call }, { type: "response.mcp_call.in_progress", item_id: "m1" });
    expect(tool()?.state).toBe("running");
    hear({ type: "voice.tool", item_id: "m1", call_id: "c", name: "calculate", state: "progress", text: "half" });
    expect(tool()).toMatchObject({ state: "running", progress: "half" });
    hear({ type: "response.output_item.done", item: { ...call, output: "42" } });
    expect(tool()).toMatchObject({ state: "done", output: "42", startedAt: 1, endedAt: 4 });
  });

  test("fail with their own words", () => {
    hear({ type: "response.output_item.done", item: { ...call, output: null, error: { message: "too long" } } });
    expect(tool()).toMatchObject({ state: "failed", output: "too long" });
  });

  test("that ask are one card, whatever order the events come in", () => {
    const request = { id: "q1", type: "mcp_approval_request", name: "forget_notes", server_label: "voice", arguments: "{}" };
    hear({ type: "response.output_item.added", item: { ...call, id: "m2", name: "forget_notes" } });
    hear({ type: "voice.tool", item_id: "m2", call_id: "c", name: "forget_notes", state: "awaiting_approval", text: "" });
    hear({ type: "conversation.item.added", item: request }, { type: "conversation.item.done", item: request });
    expect(talk.awaitingApproval).toHaveLength(1);
    expect(tool()?.approvalId).toBe("q1");
    talk.answered("q1", true, ++now);
    expect(tool()?.state).toBe("running");
    hear({ type: "response.output_item.done", item: { ...call, id: "m2", name: "forget_notes", approval_request_id: "q1", output: "3" } });
    expect(talk.entries).toHaveLength(1);
    expect(tool()?.state).toBe("done");
  });

  test("that were denied stay denied", () => {
    const request = { id: "q1", type: "mcp_approval_request", name: "forget_notes", arguments: "{}" };
    hear({ type: "conversation.item.added", item: request });
    talk.answered("q1", false, ++now);
    hear({ type: "response.output_item.done", item: { ...call, id: "m3", approval_request_id: "q1", error: { message: "denied" } } });
    expect(talk.entries).toHaveLength(1);
    expect(tool()?.state).toBe("denied");
  });
});

test("a lost line ends what was on its way", () => {
  hear(...begins("r", "a"), ...says("r", "a", "Well, "), { type: "response.output_item.added", item: { id: "m", type: "mcp_call", name: "x" } });
  talk.lost(++now);
  expect(talk.activity).toBe("listening");
  expect([message("a").interrupted, tool()?.state]).toEqual([true, "failed"]);
});

test("what is told to a new session comes back without a second line", () => {
  hear(...asked("u", "hello"), ...begins("r", "a"), ...says("r", "a", "Good day."), ends("r"));
  talk.lost(++now);
  const items = talk.history() as { id: string; type: string; role: "user" | "assistant"; content: [] }[];
  hear(...items.map((item) => ({ type: "conversation.item.added", item })));
  expect(talk.entries.map((entry) => (entry as Message).text)).toEqual(["hello", "Good day."]);
});

test("events nobody knows change nothing", () => {
  expect(talk.receive({ type: "rate_limits.updated" }, 1)).toBe(false);
  expect(talk.entries).toEqual([]);
});
