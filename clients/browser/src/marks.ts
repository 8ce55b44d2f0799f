/** What happened to the sound, as marks on the timeline. */

import type { ServerEvent } from "voice-client";

export type MarkKind = "speech" | "reply" | "duck" | "restore" | "yield" | "cancel" | "truncate" | "tool" | "link";

export interface Mark {
  kind: MarkKind;
  /** ms on the page's own clock. */
  at: number;
  label: string;
}

const SINGLE: Record<string, [MarkKind, string]> = {
  "output_audio_buffer.started": ["reply", "reply"],
  "output_audio_buffer.cleared": ["cancel", "stopped"],
  "mcp_approval_request": ["tool", "asks"],
};

/** The mark an event makes, if it makes one. */
export function markOf(event: ServerEvent, now: number): Mark | undefined {
  const single = SINGLE[event.type];
  if (single) return { kind: single[0], at: now, label: single[1] };
  switch (event.type) {
    case "voice.floor":
      if (event.state === "duck" || event.state === "restore" || event.state === "yield") {
        return { kind: event.state, at: now, label: event.state };
      }
      return undefined;
    case "conversation.item.truncated":
      return { kind: "truncate", at: now, label: `cut at ${seconds(event.audio_end_ms ?? 0)}` };
    case "response.done":
      return event.response?.status === "cancelled" ? { kind: "cancel", at: now, label: "cancelled" } : undefined;
    case "conversation.item.added":
      return event.item?.type === "mcp_approval_request" ? { kind: "tool", at: now, label: "asks" } : undefined;
    case "response.mcp_call.in_progress":
      return { kind: "tool", at: now, label: "tool" };
    case "voice.link":
      return { kind: "link", at: now, label: event.state ?? "link" };
    default:
      return undefined;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
