import { useEffect, useRef } from "preact/hooks";
import type { TalkMode } from "voice-client";
import { cancelTalk, interrupt, plugIn, press, release, stop } from "../call.ts";
import { activity, connection, held, inCall, listensOnly, meters, muted } from "../known.ts";
import { share } from "../meters.ts";
import { settings, telephone } from "../settings.ts";
import { Composer } from "./composer.tsx";
import { HangUpIcon, MicrophoneIcon, MutedIcon, PhoneIcon, StopIcon } from "./icons.tsx";

const MODES: { mode: TalkMode; name: string; what: string }[] = [
  { mode: "open", name: "Open mic", what: "The microphone stays on" },
  { mode: "hold", name: "Hold", what: "Hold the button while you speak" },
  { mode: "toggle", name: "Toggle", what: "Press to speak, press again when done" },
];

export function Dock() {
  const speaking = activity.value === "speaking" || activity.value === "thinking";
  return (
    <section class="dock" aria-label="Talk">
      <div class="dock-row">
        <div class="dock-side">
          <Modes />
          <Bars />
        </div>
        <TalkButton />
        <div class="dock-side end">
          <button class="quiet word" type="button" aria-pressed={telephone.value} onClick={() => (telephone.value = !telephone.value)} title="Hear the assistant as a telephone would carry it">
            <PhoneIcon /><span>As a phone</span>
          </button>
          <button class="quiet word" type="button" disabled={!inCall.value || !speaking} onClick={interrupt} title="Stop the assistant (Esc)">
            <StopIcon /><span>Stop</span>
          </button>
          <button class="quiet word leave" type="button" disabled={!inCall.value} onClick={() => void stop()} title="Hang up">
            <HangUpIcon /><span>Hang up</span>
          </button>
        </div>
      </div>
      <Composer />
    </section>
  );
}

function Modes() {
  return (
    <fieldset class="modes">
      <legend class="sr">How to talk</legend>
      {MODES.map(({ mode, name, what }) => (
        <label key={mode} title={what}>
          <input type="radio" name="mode" value={mode} checked={settings.talk.value === mode} onChange={() => (settings.talk.value = mode)} />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  );
}

function talkWords(): { label: string; pressed?: boolean; short?: string } {
  if (connection.value === "idle") return { label: "Start talking" };
  if (connection.value === "connecting") return { label: "Calling…" };
  if (listensOnly.value) return { label: "Use the microphone" };
  if (settings.talk.value === "open") return { label: muted.value ? "Turn the microphone on" : "Turn the microphone off", short: muted.value ? "Unmute" : "Mute" };
  if (settings.talk.value === "hold") return { label: "Hold to talk", pressed: held.value };
  return held.value ? { label: "Done talking", pressed: true } : { label: "Talk", pressed: false };
}

function TalkButton() {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => follow(button.current), []);
  const { label, pressed, short } = talkWords();
  const live = inCall.value && !listensOnly.value && (settings.talk.value === "open" ? !muted.value : held.value);
  const down = () => (inCall.peek() && listensOnly.peek() ? void plugIn() : press());
  const keyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") cancelTalk();
    if ((event.code !== "Space" && event.key !== "Enter") || event.repeat) return;
    event.preventDefault();
    down();
  };
  return (
    <div class="talk-box">
      <button
        id="talk" ref={button} class="talk-button" type="button" aria-label={label} aria-pressed={pressed}
        data-live={live} data-state={connection.value} data-activity={activity.value}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          down();
        }}
        onPointerUp={release} onPointerCancel={cancelTalk} onContextMenu={(event) => event.preventDefault()}
        onKeyDown={keyDown} onKeyUp={(event) => (event.code === "Space" || event.key === "Enter") && release()}
        onClick={(event) => event.detail === 0 && !event.isTrusted && down()}
      >
        <i class="ring person" aria-hidden="true" /><i class="ring assistant" aria-hidden="true" />
        {inCall.value && !live && settings.talk.value === "open" ? <MutedIcon /> : <MicrophoneIcon />}
      </button>
      <span class="talk-label" aria-hidden="true">{short ?? label}</span>
    </div>
  );
}

/** Draws levels on the button, past the view library. */
function follow(button: HTMLButtonElement | null): () => void {
  let frame = 0;
  const draw = () => {
    button?.style.setProperty("--you", share(inCall.peek() ? meters.inputDb : -100).toFixed(3));
    button?.style.setProperty("--them", share(inCall.peek() ? meters.outputDb : -100).toFixed(3));
    frame = requestAnimationFrame(draw);
  };
  draw();
  return () => cancelAnimationFrame(frame);
}

function Bars() {
  const you = useRef<HTMLElement>(null);
  const them = useRef<HTMLElement>(null);
  const clip = useRef<HTMLElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      const on = inCall.peek();
      if (you.current) you.current.style.transform = `scaleX(${on ? share(meters.inputDb) : 0})`;
      if (them.current) them.current.style.transform = `scaleX(${on ? share(meters.outputDb) : 0})`;
      if (clip.current) clip.current.dataset["on"] = String(on && meters.clipping);
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, []);
  return (
    <div class="bars" aria-hidden="true">
      <div class="bar person"><b>You</b><span><em ref={you} /></span><i ref={clip} /></div>
      <div class="bar assistant"><b>Voice</b><span><em ref={them} /></span></div>
    </div>
  );
}
