import { settings, type BenchTab } from "../settings.ts";
import { CloseIcon } from "./icons.tsx";
import { Events } from "./events.tsx";
import { Setup } from "./setup.tsx";
import { TurnList } from "./turn-list.tsx";

const TABS: { tab: BenchTab; name: string; View: () => preact.JSX.Element }[] = [
  { tab: "turns", name: "Turns", View: TurnList },
  { tab: "events", name: "Events", View: Events },
  { tab: "setup", name: "Set-up", View: Setup },
];

/** The workbench beside the conversation. */
export function Bench() {
  const current = settings.benchTab.value;
  const View = TABS.find(({ tab }) => tab === current)?.View ?? TurnList;
  const keyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const at = TABS.findIndex(({ tab }) => tab === current);
    const next = TABS[(at + step + TABS.length) % TABS.length]?.tab ?? "turns";
    settings.benchTab.value = next;
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <aside class="bench" aria-label="Workbench">
      <div class="tabs-row">
        <div class="tabs" role="tablist" aria-label="Workbench" onKeyDown={keyDown}>
          {TABS.map(({ tab, name }) => (
            <button key={tab} id={`tab-${tab}`} type="button" role="tab" aria-selected={tab === current} aria-controls="bench-panel"
              tabIndex={tab === current ? 0 : -1} onClick={() => (settings.benchTab.value = tab)}>{name}</button>
          ))}
        </div>
        <button class="quiet" type="button" aria-label="Close the workbench" onClick={() => (settings.benchOpen.value = false)}><CloseIcon /></button>
      </div>
      <div id="bench-panel" class="panel" role="tabpanel" aria-labelledby={`tab-${current}`} tabIndex={0}><View /></div>
    </aside>
  );
}
