// A stock `openai` client over TLS: speaks one question, and tells what came back.
// Usage: node openai_wss.mjs HTTPS_BASE_URL QUESTION.pcm ANSWER.pcm (PCM16, 24 kHz, mono)
import { readFileSync, writeFileSync } from "node:fs";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { pace } from "./pace.mjs";

const [baseURL, question, answer] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "local" });
const talk = new OpenAIRealtimeWS({ model: "local-voice" }, client);
const heard = [];
const errors = [];
const events = [];
const words = {};
let sound = Promise.resolve();
const done = new Promise((resolve) => talk.on("response.done", resolve));
talk.on("error", (error) => errors.push(error.message));
talk.on("event", (event) => events.push(event.type));
talk.on("session.created", () => talk.send({ type: "session.update", session: { type: "realtime", audio: { input: { transcription: { model: "gpt-4o-mini-transcribe" } } } } }));
talk.on("session.updated", () => (sound = pace(readFileSync(question), (piece) => talk.send({ type: "input_audio_buffer.append", audio: Buffer.from(piece).toString("base64") }))));
talk.on("conversation.item.input_audio_transcription.completed", (event) => (words.user = event.transcript));
talk.on("response.output_audio_transcript.done", (event) => (words.assistant = event.transcript));
talk.on("response.output_audio.delta", (event) => heard.push(Buffer.from(event.delta, "base64")));
await done;
await sound;
writeFileSync(answer, Buffer.concat(heard));
console.log(JSON.stringify({ words, errors, events: [...new Set(events)] }));
talk.close();
process.exit(0);
