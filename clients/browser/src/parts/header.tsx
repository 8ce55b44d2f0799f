import { useEffect, useState } from "preact/hooks";
import { activity, assistant, connection, engineLink, held, inCall, info, muted, secondsInCall, usage } from "../known.ts";
import { settings, type Theme } from "../settings.ts";
import { BenchIcon, HalfIcon, Mark, MoonIcon, SunIcon } from "./icons.tsx";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const THEME_ICON = { system: HalfIcon, light: SunIcon, dark: MoonIcon };

export function Header() {
  const theme = settings.theme.value;
  const ThemeIcon = THEME_ICON[theme];
  return (
    <header class="header">
      <div class="brand">
        <Mark />
        <span>voice</span>
      </div>
      <Assistants />
      <Status />
      <div class="header-end">
        <Meter />
        <button class="quiet" type="button" onClick={() => (settings.theme.value = NEXT[theme])} aria-label={`Colours: ${theme}. Change`} title={`Colours: ${theme}`}>
          <ThemeIcon />
        </button>
        <button class="quiet" type="button" aria-pressed={settings.benchOpen.value} onClick={() => (settings.benchOpen.value = !settings.benchOpen.value)} aria-label="Turns, events and set-up" title="Turns, events and set-up">
          <BenchIcon />
        </button>
      </div>
    </header>
  );
}

function Assistants() {
  const all = info.value?.assistants ?? [];
  if (all.length < 2) return null;
  return (
    <span class="pick">
      <select aria-label="Assistant" value={assistant.value?.name} disabled={inCall.value} onChange={(event) => (settings.assistant.value = event.currentTarget.value)}>
        {all.map((one) => <option key={one.name} value={one.name}>{one.name}</option>)}
      </select>
    </span>
  );
}

const WORDS = { listening: "Listening", hearing: "Hearing you", thinking: "Thinking", speaking: "Speaking" };

/** One word on what goes on. */
export function statusWord(): { word: string; tone: string } {
  if (connection.value === "idle") return { word: "Not in a call", tone: "idle" };
  if (connection.value === "connecting") return { word: "Calling", tone: "waiting" };
  if (connection.value === "reconnecting" || engineLink.value === "reconnecting") return { word: "Reconnecting", tone: "waiting" };
  if (activity.value === "listening") {
    if (settings.talk.value === "open") return muted.value ? { word: "Microphone off", tone: "idle" } : { word: "Listening", tone: "listening" };
    return held.value ? { word: "Hearing you", tone: "hearing" } : { word: "Ready", tone: "listening" };
  }
  return { word: WORDS[activity.value], tone: activity.value };
}

function Status() {
  const { word, tone } = statusWord();
  return <div class="status" data-tone={tone}><i aria-hidden="true" />{word}</div>;
}

function Meter() {
  const [, tick] = useState(0);
  const running = usage.value.startedAt !== undefined;
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [running]);
  const seconds = Math.floor(secondsInCall());
  const { usd, tokens } = usage.value;
  if (!running && seconds === 0) return null;
  return (
    <dl class="cost">
      <div><dt class="sr">Time in call</dt><dd>{clock(seconds)}</dd></div>
      {usd !== undefined
        ? <div><dt class="sr">Cost so far</dt><dd>{money(usd)}</dd></div>
        : tokens > 0 && <div><dt class="sr">Tokens so far</dt><dd>{tokens.toLocaleString("en")} tokens</dd></div>}
    </dl>
  );
}

export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function money(usd: number): string {
  return usd === 0 ? "$0" : usd < 0.1 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}
