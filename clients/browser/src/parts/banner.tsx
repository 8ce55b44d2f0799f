import { useEffect, useState } from "preact/hooks";
import { plugIn, start, unlock } from "../call.ts";
import { complaint, connection, engineLink, hint, inCall, listensOnly, problem, retryAt, retrying } from "../known.ts";
import { adviceFor } from "../problems.ts";
import { settings } from "../settings.ts";

/** Whatever needs the person's attention, one thing at a time; nothing otherwise. */
export function Banner() {
  if (connection.value === "reconnecting") {
    const attempt = retrying.value?.attempt ?? 1;
    return <Strip tone="waiting" title="The line broke. Calling again…" text={attempt > 1 ? `Try ${attempt}. What was said is kept.` : "What was said is kept."} />;
  }
  if (inCall.value && engineLink.value === "reconnecting") {
    return <Strip tone="waiting" title="The assistant is being reached again…" text="Go on speaking: nothing you say is lost." />;
  }
  if (problem.value) return <Trouble />;
  if (complaint.value) return <Strip tone="waiting" title="That did not work" text={complaint.value} />;
  if (hint.value === "clipping") return <Strip tone="waiting" title="Too loud" text="The microphone is at its limit: move back, or turn it down." />;
  if (hint.value === "no-signal") {
    return <Strip tone="waiting" title="No sound from the microphone" text="Is it switched off, or is it the wrong one?" action="Choose another" act={openSetup} />;
  }
  if (inCall.value && listensOnly.value) {
    return <Strip tone="calm" title="You are writing" text="The microphone is not in use." action="Use the microphone" act={() => void plugIn()} />;
  }
  return null;
}

function openSetup(): void {
  settings.benchTab.value = "setup";
  settings.benchOpen.value = true;
}

function Trouble() {
  const error = problem.value;
  const seconds = useCountdown(retryAt.value);
  if (!error) return null;
  const advice = adviceFor(error);
  return (
    <div class="strip" data-tone="trouble" role="alert">
      <div class="strip-words">
        <strong>{advice.title}</strong>
        <span>{advice.what}{seconds !== undefined && ` Next try in ${seconds} s.`}</span>
      </div>
      <div class="strip-acts">
        {advice.key && <KeyForm />}
        {advice.write && <button class="plain" type="button" onClick={() => void start({ microphone: false })}>Write instead</button>}
        {advice.again && <button class="strong" type="button" onClick={() => void start()}>{advice.again}</button>}
      </div>
    </div>
  );
}

function KeyForm() {
  const [key, setKey] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    void unlock(key.trim());
  };
  return (
    <form class="key" onSubmit={submit}>
      <label><span class="sr">Key</span>
        <input type="password" autocomplete="off" placeholder="Key" value={key} onInput={(event) => setKey(event.currentTarget.value)} />
      </label>
      <button class="strong" type="submit" disabled={key.trim() === ""}>Open</button>
    </form>
  );
}

/** Whole seconds until then; calls when they are over. */
function useCountdown(until: number | undefined): number | undefined {
  const [left, setLeft] = useState<number>();
  useEffect(() => {
    if (until === undefined) return setLeft(undefined);
    const look = () => {
      setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
      if (Date.now() >= until && !inCall.peek()) void start();
    };
    look();
    const timer = setInterval(look, 500);
    return () => clearInterval(timer);
  }, [until]);
  return until === undefined ? undefined : left;
}

function Strip({ tone, title, text, action, act }: { tone: string; title: string; text: string; action?: string; act?: () => void }) {
  return (
    <div class="strip" data-tone={tone} role="status">
      <div class="strip-words"><strong>{title}</strong><span>{text}</span></div>
      {action && <div class="strip-acts"><button class="plain" type="button" onClick={act}>{action}</button></div>}
    </div>
  );
}
