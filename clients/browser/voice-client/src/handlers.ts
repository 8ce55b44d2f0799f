/** What each event of the service means for a conversation. */

import type { Conversation, ToolCall, ToolState } from "./conversation.ts";
import type { ServerEvent } from "./events.ts";

export type Handler = (talk: Conversation, event: ServerEvent, now: number) => void;

const takeItem: Handler = (talk, event, now) => {
  if (event.item) talk.takeItem(event.item, event, now);
};

const saidMore: Handler = (talk, event, now) => {
  const message = talk.message(event.item_id ?? "", "assistant", now);
  message.text += event.delta ?? "";
  message.responseId = event.response_id ?? message.responseId;
  message.spoken ||= event.type.includes("audio");
};

const saidAll: Handler = (talk, event, now) => {
  const message = talk.message(event.item_id ?? "", "assistant", now);
  message.text = event.transcript ?? event.text ?? message.text;
};

/** The length of `text` that `heard` stands for: the words match, spaces and capitals need not. */
export function heardLength(text: string, heard: string, unheard: string | undefined): number {
  if (text.startsWith(heard)) return heard.length;
  if (unheard && text.endsWith(unheard)) return text.length - unheard.length;
  return Math.min(text.length, heard.length);
}

export const HANDLERS: Record<string, Handler> = {
  "conversation.item.added": takeItem,
  "conversation.item.created": takeItem,
  "conversation.item.done": takeItem,
  "conversation.item.retrieved": takeItem,
  "response.output_item.added": takeItem,
  "response.output_item.done": takeItem,
  "conversation.item.deleted": (talk, event) => talk.remove(event.item_id ?? ""),
  "conversation.item.input_audio_transcription.delta": (talk, event, now) => {
    const message = talk.message(event.item_id ?? "", "user", now);
    message.text += event.delta ?? "";
    message.spoken = true;
  },
  "conversation.item.input_audio_transcription.completed": (talk, event, now) => {
    const message = talk.message(event.item_id ?? "", "user", now);
    Object.assign(message, { text: event.transcript ?? "", spoken: true, final: true });
  },
  "conversation.item.input_audio_transcription.failed": (talk, event, now) => {
    Object.assign(talk.message(event.item_id ?? "", "user", now), { spoken: true, final: true });
  },
  "input_audio_buffer.speech_started": (talk) => talk.hearing(true),
  "input_audio_buffer.speech_stopped": (talk) => talk.hearing(false),
  "input_audio_buffer.committed": (talk, event, now) => {
    talk.hearing(false);
    talk.message(event.item_id ?? "", "user", now, event.previous_item_id).spoken = true;
  },
  "input_audio_buffer.cleared": (talk) => talk.hearing(false),
  "response.created": (talk, event) => talk.replying(event.response?.id ?? ""),
  "response.done": (talk, event) => {
    talk.replied(event.response?.id ?? "");
    const current = talk.current;
    if (current?.responseId !== event.response?.id || !current) return;
    if (event.response?.status === "cancelled") current.interrupted = true;
    current.final = true;
  },
  "response.output_audio_transcript.delta": saidMore,
  "response.output_text.delta": saidMore,
  "response.output_audio_transcript.done": saidAll,
  "response.output_text.done": saidAll,
  "output_audio_buffer.started": (talk, event) => talk.sounding(event.response_id ?? "", true),
  "output_audio_buffer.stopped": (talk, event) => {
    talk.sounding(event.response_id ?? "", false);
    for (const entry of talk.entries) {
      if (entry.kind === "message" && entry.responseId === event.response_id && !entry.interrupted) {
        entry.heardChars = undefined;
      }
    }
  },
  "output_audio_buffer.cleared": (talk, event) => {
    talk.sounding(event.response_id ?? "", false);
    const current = talk.current;
    if (current?.responseId === event.response_id && current) current.interrupted = true;
  },
  "conversation.item.truncated": (talk, event) => {
    const entry = talk.find(event.item_id);
    if (entry?.kind !== "message") return;
    entry.interrupted = true;
    entry.heardMs = event.audio_end_ms ?? entry.heardMs;
  },
  "voice.heard": (talk, event) => {
    const entry = talk.find(event.item_id);
    if (entry?.kind !== "message") return;
    const all = (event.text ?? "") + (event.unheard_text ?? "");
    if (all.length > entry.text.length) entry.text = all;
    entry.heardMs = event.heard_ms;
    entry.heardChars = heardLength(entry.text, event.text ?? "", event.unheard_text);
    if (event.final && !event.unheard_text) entry.heardChars = undefined;
    else if (event.final) entry.interrupted = true;
  },
  "voice.tool": (talk, event, now) => {
    const change: Partial<ToolCall> = event.name ? { name: event.name } : {};
    if (event.state === "progress") change.progress = event.text ?? "";
    else change.state = event.state as ToolState;
    if (event.state === "done" || event.state === "failed") change.output = event.text ?? "";
    if (event.item_id) talk.toolStep(event.item_id, change, now);
  },
  "response.mcp_call.in_progress": (talk, event, now) => talk.toolStep(event.item_id ?? "", { state: "running" }, now),
  "response.mcp_call.completed": (talk, event, now) => talk.toolStep(event.item_id ?? "", { state: "done" }, now),
  "response.mcp_call.failed": (talk, event, now) => talk.toolStep(event.item_id ?? "", { state: "failed" }, now),
  "response.mcp_call_arguments.done": (talk, event, now) =>
    talk.toolStep(event.item_id ?? "", { arguments: event.arguments ?? "" }, now),
};
