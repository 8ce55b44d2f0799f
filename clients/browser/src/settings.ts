/** What the person chose, kept in this browser. Keys are not: they live as long as the tab. */

import { effect, signal, type Signal } from "@preact/signals";
import type { TalkMode } from "voice-client";

export type Theme = "system" | "light" | "dark";
export type BenchTab = "turns" | "events" | "setup";

function remembered<T>(name: string, fallback: T, store: Storage = localStorage): Signal<T> {
  const key = `voice.${name}`;
  let value = fallback;
  try {
    const kept = store.getItem(key);
    if (kept !== null) value = JSON.parse(kept) as T;
  } catch {
    // Storage is off or holds something else: the fallback will do.
  }
  const kept = signal(value);
  effect(() => {
    const now = JSON.stringify(kept.value);
    try {
      store.setItem(key, now);
    } catch {
      // A private window may refuse; nothing depends on it.
    }
  });
  return kept;
}

export const settings = {
  talk: remembered<TalkMode>("talk", "open"),
  theme: remembered<Theme>("theme", "system"),
  assistant: remembered("assistant", ""),
  microphone: remembered("microphone", ""),
  speaker: remembered("speaker", ""),
  echoCancellation: remembered("echoCancellation", true),
  noiseSuppression: remembered("noiseSuppression", true),
  autoGainControl: remembered("autoGainControl", true),
  benchOpen: remembered("benchOpen", globalThis.innerWidth >= 1100),
  benchTab: remembered<BenchTab>("benchTab", "turns"),
  key: remembered("key", "", sessionStorage),
};

/** Hear it as a telephone would carry it; for this visit only. */
export const telephone = signal(false);

effect(() => {
  const theme = settings.theme.value;
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
});
