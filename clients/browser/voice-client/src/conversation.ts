/**
 * What was said, done and heard: the events of a call as a list that can be shown.
 *
 * Feed it every server event with `receive`; read `entries` and `activity`. No clock, no network, no page.
 */

import type { Item, ServerEvent } from "./events.ts";
import { HANDLERS } from "./handlers.ts";

export interface Message {
  kind: "message";
  id: string;
  role: "user" | "assistant" | "system";
  /** All that was said or written so far. */
  text: string;
  /** Of an assistant's speech: how much of `text` was heard, in characters. Undefined while nobody can tell. */
  heardChars: number | undefined;
  heardMs: number | undefined;
  /** The person spoke over it, or it was stopped. */
  interrupted: boolean;
  spoken: boolean;
  final: boolean;
  images: string[];
  responseId: string | undefined;
  at: number;
}

export type ToolState = "running" | "awaiting_approval" | "done" | "failed" | "denied";

export interface ToolCall {
  kind: "tool";
  id: string;
  /** The `mcp_approval_request` to answer, when the service asked. */
  approvalId: string | undefined;
  name: string;
  server: string;
  arguments: string;
  state: ToolState;
  progress: string;
  output: string;
  startedAt: number;
  endedAt: number | undefined;
  at: number;
}

export type Entry = Message | ToolCall;

export type Activity = "listening" | "hearing" | "thinking" | "speaking";

const TOOL_ITEMS = new Set(["mcp_call", "function_call"]);

export class Conversation {
  readonly entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  #hearing = false;
  #responses = new Set<string>();
  #sounding = new Set<string>();
  #item = "";

  get activity(): Activity {
    if (this.#hearing) return "hearing";
    if (this.#sounding.size > 0) return "speaking";
    return this.#responses.size > 0 ? "thinking" : "listening";
  }

  /** The reply that is being made now. */
  get responding(): boolean {
    return this.#responses.size > 0;
  }

  /** The assistant is thinking or to be heard. */
  get busy(): boolean {
    return this.responding || this.#sounding.size > 0;
  }

  get awaitingApproval(): ToolCall[] {
    return this.entries.filter((entry): entry is ToolCall => entry.kind === "tool" && entry.state === "awaiting_approval");
  }

  /** Conversation items that tell another session what was heard so far. */
  history(): object[] {
    return this.entries.flatMap((entry) => {
      if (entry.kind !== "message" || entry.role === "system") return [];
      const text = (entry.heardChars === undefined ? entry.text : entry.text.slice(0, entry.heardChars)).trim();
      if (!text) return [];
      const type = entry.role === "user" ? "input_text" : "output_text";
      return [{ id: entry.id, type: "message", role: entry.role, content: [{ type, text }] }];
    });
  }

  /** The call is gone: what was on its way does not come any more. */
  lost(now: number): void {
    this.#hearing = false;
    this.#responses.clear();
    this.#sounding.clear();
    for (const entry of this.entries) {
      if (entry.kind === "message") {
        if (!entry.final && entry.role === "assistant") entry.interrupted = true;
        entry.final = true;
      } else if (entry.state === "running" || entry.state === "awaiting_approval") {
        Object.assign(entry, { state: "failed", output: "The connection was lost.", endedAt: now });
      }
    }
  }

  /** Takes note of an event; says whether anything that can be shown changed. */
  receive(event: ServerEvent, now: number): boolean {
    const handler = HANDLERS[event.type];
    if (!handler) return false;
    handler(this, event, now);
    return true;
  }

  /** An answer to an approval request was sent. */
  answered(approvalId: string, approve: boolean, now: number): void {
    const tool = this.#tool((entry) => entry.approvalId === approvalId);
    if (tool?.state !== "awaiting_approval") return;
    tool.state = approve ? "running" : "denied";
    if (!approve) tool.endedAt = now;
  }

  hearing(on: boolean): void {
    this.#hearing = on;
  }

  replying(id: string): void {
    this.#responses.add(id);
  }

  replied(id: string): void {
    this.#responses.delete(id);
  }

  sounding(id: string, on: boolean): void {
    if (on) this.#sounding.add(id);
    else this.#sounding.delete(id);
  }

  message(id: string, role: Message["role"], now: number, previous?: string | null): Message {
    const known = this.#byId.get(id);
    if (known?.kind === "message") return known;
    const message: Message = {
      kind: "message", id, role, text: "", heardChars: undefined, heardMs: undefined, interrupted: false,
      spoken: false, final: false, images: [], responseId: undefined, at: now,
    };
    this.#insert(message, previous);
    if (role === "assistant") this.#item = id;
    return message;
  }

  find(id: string | undefined): Entry | undefined {
    return this.#byId.get(id ?? "");
  }

  remove(id: string): void {
    const entry = this.#byId.get(id);
    if (!entry) return;
    this.#byId.delete(id);
    this.entries.splice(this.entries.indexOf(entry), 1);
  }

  /** What the assistant says now, or said last. */
  get current(): Message | undefined {
    const entry = this.#byId.get(this.#item);
    return entry?.kind === "message" ? entry : undefined;
  }

  takeItem(item: Item, event: ServerEvent, now: number): void {
    if (item.type === "message" && item.role) this.#takeMessage(item, event, now);
    else if (TOOL_ITEMS.has(item.type)) this.#takeCall(item, now);
    else if (item.type === "mcp_approval_request") this.#takeRequest(item, now);
    else if (item.type === "mcp_approval_response" && item.approval_request_id) {
      this.answered(item.approval_request_id, item.approve === true, now);
    } else if (item.type === "function_call_output") {
      const call = this.#tool((entry) => entry.id === item.call_id);
      if (call) Object.assign(call, { state: "done", output: item.output ?? "", endedAt: now });
    }
  }

  /** `voice.tool`, and the steps that the protocol itself shows. */
  toolStep(id: string, change: Partial<ToolCall>, now: number): void {
    const tool = this.#tool((entry) => entry.id === id) ?? (change.name ? this.#newTool(id, change.name, now) : undefined);
    if (!tool) return;
    if (tool.state === "denied" && change.state === "failed") delete change.state;
    Object.assign(tool, change);
    if (tool.state === "done" || tool.state === "failed") tool.endedAt ??= now;
  }

  #takeMessage(item: Item, event: ServerEvent, now: number): void {
    const message = this.message(item.id, item.role ?? "user", now, event.previous_item_id);
    const parts = item.content ?? [];
    const said = parts.map((part) => part.text ?? part.transcript ?? "").join("");
    if (said.length >= message.text.length || item.role !== "assistant") message.text = said || message.text;
    message.spoken ||= parts.some((part) => part.type.endsWith("audio"));
    message.images = parts.flatMap((part) => (part.image_url ? [part.image_url] : []));
    if (event.response_id) message.responseId = event.response_id;
    if (event.type.endsWith(".done") && (item.role === "assistant" || !message.spoken)) message.final = true;
    if (item.status === "incomplete") message.interrupted = true;
  }

  #takeCall(item: Item, now: number): void {
    const asked = (entry: ToolCall) => entry.approvalId !== undefined && entry.approvalId === item.approval_request_id;
    const id = item.type === "function_call" ? (item.call_id ?? item.id) : item.id;
    const name = item.name ?? "tool";
    const tool = this.#tool((entry) => entry.id === id) ?? this.#tool(asked) ?? this.#newTool(id, name, now);
    if (tool.id !== id) this.#rename(tool, id);
    tool.server = item.server_label ?? tool.server;
    tool.arguments = item.arguments || tool.arguments;
    if (item.error) Object.assign(tool, { state: tool.state === "denied" ? "denied" : "failed", output: item.error.message ?? "" });
    else if (item.type === "mcp_call" && typeof item.output === "string") Object.assign(tool, { state: "done", output: item.output });
    if (tool.state === "done" || tool.state === "failed") tool.endedAt ??= now;
  }

  #takeRequest(item: Item, now: number): void {
    const waiting = (entry: ToolCall) =>
      entry.approvalId === item.id ||
      (!entry.approvalId && entry.endedAt === undefined && entry.name === item.name);
    const tool = this.#tool(waiting) ?? this.#newTool(item.id, item.name ?? "tool", now);
    tool.approvalId = item.id;
    tool.server = item.server_label ?? tool.server;
    tool.arguments = item.arguments || tool.arguments;
    if (tool.state === "running") tool.state = "awaiting_approval";
  }

  #newTool(id: string, name: string, now: number): ToolCall {
    const tool: ToolCall = {
      kind: "tool", id, approvalId: undefined, name, server: "", arguments: "", state: "running",
      progress: "", output: "", startedAt: now, endedAt: undefined, at: now,
    };
    this.#insert(tool);
    return tool;
  }

  #rename(tool: ToolCall, id: string): void {
    this.#byId.delete(tool.id);
    tool.id = id;
    this.#byId.set(id, tool);
  }

  #tool(wanted: (entry: ToolCall) => boolean): ToolCall | undefined {
    return this.entries.findLast((entry): entry is ToolCall => entry.kind === "tool" && wanted(entry));
  }

  #insert(entry: Entry, previous?: string | null): void {
    const before = previous ? this.entries.findIndex((one) => one.id === previous) : -1;
    if (before >= 0) this.entries.splice(before + 1, 0, entry);
    else this.entries.push(entry);
    this.#byId.set(entry.id, entry);
  }
}
