/** The keyboard anywhere on the page: hold or press Space to talk, Esc to take it back or to stop the assistant. */

import { cancelTalk, interrupt, press, release } from "./call.ts";
import { activity, held, inCall } from "./known.ts";

const TYPING = "input, textarea, select, button, a, summary, [role=tab], [contenteditable]";

let spaceIsDown = false;

export function keys(): void {
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") escape();
    if (event.code !== "Space" || event.repeat || inside(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    spaceIsDown = true;
    press();
  });
  addEventListener("keyup", (event) => {
    if (event.code !== "Space" || !spaceIsDown) return;
    spaceIsDown = false;
    release();
  });
  // A key let go in another window is never told.
  addEventListener("blur", () => {
    if (spaceIsDown || held.peek()) release();
    spaceIsDown = false;
  });
}

function escape(): void {
  if (held.peek()) cancelTalk();
  else if (inCall.peek() && activity.peek() === "speaking") interrupt();
}

function inside(target: EventTarget | null): boolean {
  // A chosen mode keeps the focus, and Space means nothing to it.
  if (target instanceof HTMLInputElement && target.type === "radio" && target.checked) return false;
  return target instanceof Element && target.closest(TYPING) !== null;
}
