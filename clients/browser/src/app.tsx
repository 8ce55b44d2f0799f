import { announcement } from "./known.ts";
import { keys } from "./keyboard.ts";
import { Banner } from "./parts/banner.tsx";
import { Bench } from "./parts/bench.tsx";
import { Dock } from "./parts/dock.tsx";
import { Header } from "./parts/header.tsx";
import { Timeline } from "./parts/timeline.tsx";
import { Transcript } from "./parts/transcript.tsx";
import { settings } from "./settings.ts";

keys();

export function App() {
  return (
    <div class="app" data-bench={settings.benchOpen.value ? "open" : "closed"}>
      <a class="skip" href="#talk">Skip to the talk button</a>
      <Header />
      <Banner />
      <main class="stage">
        <h1 class="sr">Conversation</h1>
        <Transcript />
        <div class="deck">
          <Timeline />
          <Dock />
        </div>
      </main>
      {settings.benchOpen.value && <Bench />}
      <div class="sr" role="status">{announcement}</div>
    </div>
  );
}
