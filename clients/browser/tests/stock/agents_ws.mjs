// A stock @openai/agents-realtime client over a websocket: speaks one question, and tells what came back.
// Usage: node agents_ws.mjs WS_URL QUESTION.pcm ANSWER.pcm (PCM16, 24 kHz, mono)
import { readFileSync, writeFileSync } from "node:fs";
import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { pace } from "./pace.mjs";

const [url, question, answer] = process.argv.slice(2);
const weather = tool({
  name: "get_weather",
  description: "The weather in a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
  strict: false,
  execute: async () => "It is raining.",
});
const agent = new RealtimeAgent({ name: "guide", instructions: "Be brief.", tools: [weather] });
const session = new RealtimeSession(agent, { transport: "websocket", model: "local-voice" });
const heard = [];
const errors = [];
const events = [];
session.on("audio", (event) => heard.push(Buffer.from(event.data)));
session.on("error", (error) => errors.push(JSON.stringify(error)));
session.transport.on("*", (event) => events.push(event.type));
const done = new Promise((resolve) => session.transport.on("turn_done", resolve));

await session.connect({ apiKey: "local", url });
await pace(readFileSync(question), (piece) => session.sendAudio(piece));
await done;
await new Promise((resolve) => setTimeout(resolve, 300));
writeFileSync(answer, Buffer.concat(heard));
const words = session.history.map((item) => [item.role ?? item.type, (item.content ?? []).map((part) => part.transcript ?? part.text ?? "").join("")]);
console.log(JSON.stringify({ words, errors, events: [...new Set(events)] }));
session.close();
process.exit(0);
