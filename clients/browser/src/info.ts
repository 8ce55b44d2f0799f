/** What the service says about itself: `GET /v1/info`. */

export interface Assistant {
  name: string;
  description?: string;
  voice?: string;
  tools?: (string | { name: string })[];
}

export interface Info {
  version: string;
  engine: string;
  auth: "none" | "key";
  webrtc: boolean;
  assistants: Assistant[];
  default_assistant?: string;
}

/** Undefined when the service does not say. */
export async function fetchInfo(): Promise<Info | undefined> {
  try {
    const response = await fetch("/v1/info", { headers: { accept: "application/json" } });
    if (!response.ok) return undefined;
    const info = (await response.json()) as Partial<Info>;
    return { version: "", engine: "", auth: "none", webrtc: true, ...info, assistants: info.assistants ?? [] };
  } catch {
    return undefined;
  }
}
