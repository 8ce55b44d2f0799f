import { useEffect, useRef } from "preact/hooks";
import type { ToolCall, ToolState } from "voice-client";
import { answer } from "../call.ts";
import { ShieldIcon, ToolIcon } from "./icons.tsx";

const WORDS: Record<ToolState, string> = {
  running: "running", awaiting_approval: "needs your approval", done: "done", failed: "failed", denied: "denied",
};

export function ToolCard({ tool }: { tool: ToolCall }) {
  const asks = tool.state === "awaiting_approval";
  const took = tool.endedAt === undefined ? undefined : Math.max(0, tool.endedAt - tool.startedAt);
  return (
    <article class="tool" data-state={tool.state} aria-label={`Tool ${tool.name}: ${WORDS[tool.state]}`}>
      <header>
        {asks ? <ShieldIcon /> : <ToolIcon />}
        <strong>{tool.name.replaceAll("_", " ")}</strong>
        <span class="state">{WORDS[tool.state]}{took !== undefined && tool.state === "done" && ` · ${length(took)}`}</span>
      </header>
      <Arguments text={tool.arguments} />
      {tool.progress && tool.state === "running" && <p class="progress">{tool.progress}</p>}
      {asks && tool.approvalId && <Approval tool={tool} approvalId={tool.approvalId} />}
      {tool.output && tool.state !== "denied" && <Output text={tool.output} asked={tool.arguments} />}
    </article>
  );
}

function Approval({ tool, approvalId }: { tool: ToolCall; approvalId: string }) {
  const deny = useRef<HTMLButtonElement>(null);
  useEffect(() => deny.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <div class="approval" role="group" aria-label={`May ${tool.name} run?`}>
      <p>This cannot be undone. May it run?</p>
      <button class="plain" type="button" ref={deny} onClick={() => answer(approvalId, false)}>Deny</button>
      <button class="strong" type="button" onClick={() => answer(approvalId, true)}>Approve</button>
    </div>
  );
}

function Arguments({ text }: { text: string }) {
  const pairs = Object.entries(parsed(text));
  if (pairs.length === 0) return null;
  return (
    <dl>
      {pairs.map(([name, value]) => (
        <div key={name}><dt>{name}</dt><dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd></div>
      ))}
    </dl>
  );
}

/** What came back; what the arguments said already is left to the details. */
function Output({ text, asked }: { text: string; asked: string }) {
  const pairs = Object.entries(parsed(text));
  const known = parsed(asked);
  const news = pairs.filter(([name]) => !(name in known));
  const line = (news.length ? news : pairs).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · ") || text;
  return (
    <details class="output">
      <summary><span>{line}</span></summary>
      <pre tabIndex={0}>{pairs.length ? JSON.stringify(parsed(text), null, 2) : text}</pre>
    </details>
  );
}

/** The JSON object that a text holds; empty when it holds none. */
function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function length(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
