import { afterEach, describe, expect, test, vi } from "vitest";
import { VoiceError } from "../voice-client/src/errors.ts";
import { exchangeSdp, hangUp, headersFor } from "../voice-client/src/signalling.ts";

afterEach(() => vi.unstubAllGlobals());

function answering(status: number, body: string, headers: Record<string, string> = {}) {
  const fetched = vi.fn(async (_url: string, _request: RequestInit) => new Response(body, { status, headers }));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

const call = () => exchangeSdp("https://voice.example/v1/realtime/calls", "offer", { authorization: "Bearer ek_1" });

test("an offer goes out as SDP with its key, and the answer tells where the call is", async () => {
  const fetched = answering(201, "answer", { location: "/v1/realtime/calls/rtc_7" });
  expect(await call()).toEqual({ answer: "answer", callUrl: "https://voice.example/v1/realtime/calls/rtc_7" });
  expect(fetched.mock.calls[0]?.[1]).toMatchObject({
    method: "POST", body: "offer", headers: { "content-type": "application/sdp", authorization: "Bearer ek_1" },
  });
});

describe("a refusal", () => {
  test.each([
    [401, "unauthorized"], [403, "unauthorized"], [429, "busy"], [503, "busy"], [501, "no-webrtc"], [400, "refused"], [500, "refused"],
  ])("%i is %s, in the service's words", async (status, code) => {
    answering(status, JSON.stringify({ error: { message: "told so" } }));
    const error = await call().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(VoiceError);
    expect(error).toMatchObject({ code, message: "told so" });
  });

  test("tells when to come back", async () => {
    answering(503, "not json", { "retry-after": "12" });
    await expect(call()).rejects.toMatchObject({ code: "busy", message: "Every line is taken.", retryAfterS: 12 });
    answering(429, "", { "retry-after": "soon" });
    await expect(call()).rejects.toMatchObject({ retryAfterS: 5 });
  });
});

test("nobody there is unreachable; a goodbye never fails", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed")));
  await expect(call()).rejects.toMatchObject({ code: "unreachable" });
  await expect(hangUp("https://voice.example/v1/realtime/calls/rtc_7", {})).resolves.toBeUndefined();
});

test.each([
  [undefined, {}], ["", {}], ["ek_1", { authorization: "Bearer ek_1" }],
  [() => "ek_2", { authorization: "Bearer ek_2" }],
  [async () => "ek_3", { authorization: "Bearer ek_3" }],
])("the key %s", async (key, headers) => {
  expect(await headersFor(key)).toEqual(headers);
});
