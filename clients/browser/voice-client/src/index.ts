export { VoiceClient, type ConnectionState, type VoiceEvents, type VoiceOptions } from "./client.ts";
export { Conversation, type Activity, type Entry, type Message, type ToolCall, type ToolState } from "./conversation.ts";
export { VoiceError, type Problem } from "./errors.ts";
export type { ClientEvent, Item, ServerEvent, SessionSettings, TurnDetection, Usage } from "./events.ts";
export { listDevices, watchDevices, type Devices, type MicrophoneOptions } from "./microphone.ts";
export { decibels, LEVEL_WINDOW_MS, type Level } from "./sound.ts";
export type { Key } from "./signalling.ts";
export type { Talk, TalkMode } from "./talk.ts";
