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

/** Undefined when the service does not say; `refused` when it does not know the key. */
export async function fetchInfo(key: string): Promise<Info | "refused" | undefined> {
  const authorization: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {};
  try {
    const response = await fetch("/v1/info", { headers: { accept: "application/json", ...authorization } });
    if (response.status === 401 || response.status === 403) return "refused";
    if (!response.ok) return undefined;
    const info = (await response.json()) as Partial<Info>;
    return { version: "", engine: "", auth: "none", webrtc: true, ...info, assistants: info.assistants ?? [] };
  } catch {
    return undefined;
  }
}
