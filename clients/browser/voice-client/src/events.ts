/**
 * The realtime events this client reads and writes: the GA protocol's, and the service's own `voice.*`.
 *
 * Only fields that are used are named. What is not known passes through untouched: `ServerEvent` is open.
 */

export interface ContentPart {
  type: string;
  text?: string;
  transcript?: string | null;
  image_url?: string;
}

export interface Item {
  id: string;
  type: string;
  role?: "user" | "assistant" | "system";
  status?: string;
  content?: ContentPart[];
  name?: string;
  arguments?: string;
  call_id?: string;
  output?: string | null;
  error?: { type?: string; message?: string } | null;
  server_label?: string;
  approval_request_id?: string | null;
  approve?: boolean;
}

export interface Usage {
  total_tokens?: number;
  input_tokens?: number;
  output_tokens?: number;
}

export interface Response {
  id: string;
  status: "in_progress" | "completed" | "cancelled" | "failed" | "incomplete";
  status_details?: { reason?: string; error?: { message?: string; code?: string } } | null;
  usage?: Usage | null;
}

export interface TurnDetection {
  type: string;
  [setting: string]: unknown;
}

export interface SessionSettings {
  type?: "realtime";
  id?: string;
  model?: string;
  instructions?: string;
  audio?: {
    input?: { turn_detection?: TurnDetection | null; transcription?: object | null };
    output?: { voice?: string | object; speed?: number };
  };
  tools?: object[];
  [setting: string]: unknown;
}

/** The fields of an event from the service, all optional but its type: check `type`, then read. */
export interface ServerEvent {
  type: string;
  event_id?: string;
  session?: SessionSettings;
  item?: Item;
  item_id?: string;
  previous_item_id?: string | null;
  response?: Response;
  response_id?: string;
  content_index?: number;
  part?: ContentPart;
  delta?: string;
  text?: string | null;
  transcript?: string;
  arguments?: string;
  audio_start_ms?: number;
  audio_end_ms?: number;
  error?: { type?: string; code?: string | null; message?: string; event_id?: string | null };
  /** `voice.link`, `voice.floor`, `voice.tool` */
  state?: string;
  /** `voice.floor` */
  at_ms?: number | null;
  /** `voice.heard` */
  heard_ms?: number;
  unheard_text?: string;
  final?: boolean;
  /** `voice.turn`: ms since the person's last sound; null where unknown. */
  decision_ms?: number | null;
  first_delta_ms?: number | null;
  first_audio_ms?: number | null;
  /** `voice.tool` */
  call_id?: string;
  name?: string;
  /** `voice.usage` */
  cost_usd?: number | null;
  total_usd?: number | null;
  session_s?: number;
}

export interface ClientEvent {
  type: string;
  event_id?: string;
  [field: string]: unknown;
}

/** An event read from the wire; undefined when it is none. */
export function parseEvent(data: unknown): ServerEvent | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const event: unknown = JSON.parse(data);
    return isEvent(event) ? event : undefined;
  } catch {
    return undefined;
  }
}

function isEvent(value: unknown): value is ServerEvent {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
