import { useEffect, useRef } from "preact/hooks";
import type { Entry, Message } from "voice-client";
import { write } from "../call.ts";
import { activity, assistant, entries, inCall } from "../known.ts";
import { settings } from "../settings.ts";
import { ToolCard } from "./tool-card.tsx";

const NEAR_END_PX = 120;

export function Transcript() {
  const box = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const list = entries.value;
  useEffect(() => {
    const element = box.current;
    if (element && following.current) element.scrollTop = element.scrollHeight;
  });
  const scrolled = () => {
    const element = box.current;
    if (element) following.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
  };
  return (
    <div class="transcript" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-live="off" aria-label="What was said">
      {list.length === 0 ? <Welcome /> : <div class="talk">{list.map((entry) => <Row key={entry.id} entry={entry} />)}<Now /></div>}
    </div>
  );
}

function Row({ entry }: { entry: Entry }) {
  if (entry.kind === "tool") return <ToolCard tool={entry} />;
  if (entry.role === "system") return null;
  return entry.role === "user" ? <Said message={entry} /> : <Answer message={entry} />;
}

function Said({ message }: { message: Message }) {
  return (
    <article class="said" aria-label="You">
      {message.images.map((source) => <img key={source} src={source} alt="The picture you sent" />)}
      {message.text
        ? <p>{message.text}</p>
        : message.images.length === 0 && <p class="pending">{message.final ? "(not understood)" : <Dots />}</p>}
    </article>
  );
}

function Answer({ message }: { message: Message }) {
  const cut = message.heardChars ?? message.text.length;
  const [heard, rest] = [message.text.slice(0, cut), message.text.slice(cut)];
  if (!message.text) return null;
  return (
    <article class="answer" aria-label="Assistant">
      <p>
        {heard}
        {rest && (message.interrupted
          ? <><s class="unheard"><span class="sr">not heard: </span>{rest}</s></>
          : <span class="ahead">{rest}</span>)}
      </p>
      {message.interrupted && (
        <small class="cut">{message.heardMs !== undefined ? `interrupted after ${(message.heardMs / 1000).toFixed(1)} s` : "interrupted"}</small>
      )}
    </article>
  );
}

/** What is going on and has no words yet. */
function Now() {
  const last = entries.value.at(-1);
  const worded = last?.kind === "message" && last.role === "user" && !last.final;
  if (activity.value === "hearing" && !worded) return <p class="said hearing"><Dots /><span class="sr">You are speaking</span></p>;
  if (activity.value === "thinking") return <p class="answer thinking"><Dots /><span class="sr">The assistant is thinking</span></p>;
  return null;
}

const Dots = () => <span class="dots" aria-hidden="true"><i /><i /><i /></span>;

const IDEAS = ["What can you do?", "What is twelve times seven?", "Set a timer for ten seconds", "Tell me a joke"];

function Welcome() {
  const who = assistant.value;
  const how = {
    open: "Start, then just speak. Interrupt whenever you like.",
    hold: "Hold the button, or the space bar, while you speak.",
    toggle: "Press once to speak, once more when you are done.",
  };
  return (
    <div class="welcome">
      <h2>{inCall.value ? "Go ahead, I am listening." : "Say hello."}</h2>
      <p>{who?.description || how[settings.talk.value]}</p>
      {who?.description && <p>{how[settings.talk.value]}</p>}
      <ul class="ideas" aria-label="Things to ask">
        {IDEAS.map((idea) => <li key={idea}><button type="button" onClick={() => void write(idea)}>{idea}</button></li>)}
      </ul>
      {!inCall.value && <p class="fine"><kbd>Space</kbd> talks, <kbd>Esc</kbd> stops the assistant.</p>}
    </div>
  );
}

