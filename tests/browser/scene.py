"""What a test makes the twin of the service say, in the order a service would."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, Route

SDP = "v=0\r\n"


class Twin:
    """The page's far end, inside the page (`twin.js`); calls are answered here."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.offers: list[dict[str, str]] = []
        self.refuse: tuple[int, dict[str, str], str] | None = None
        page.route("**/v1/realtime/calls**", self._answer)

    def _answer(self, route: Route) -> None:
        if route.request.url.endswith("/hangup"):
            route.fulfill(status=200)
            return
        self.offers.append(route.request.headers)
        if self.refuse is not None:
            status, headers, message = self.refuse
            route.fulfill(status=status, headers=headers, json={"error": {"message": message}})
            return
        headers = {"content-type": "application/sdp", "location": "/v1/realtime/calls/rtc_1"}
        route.fulfill(status=201, headers=headers, body=SDP)

    def serve(self, *events: dict[str, Any]) -> None:
        self._page.evaluate("events => twin.serve(...events)", list(events))

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """What the page said of that type, oldest first."""
        found: list[dict[str, Any]] = self._page.evaluate("kind => twin.sent.filter(e => e.type === kind)", kind)
        return found

    def until_sent(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        self._page.wait_for_function("([k, n]) => twin.sent.filter(e => e.type === k).length >= n", arg=[kind, count])
        return self.sent(kind)

    def person_says(self, item_id: str, text: str) -> None:
        self.serve(
            {"type": "input_audio_buffer.speech_started", "item_id": item_id},
            {"type": "input_audio_buffer.speech_stopped", "item_id": item_id},
            {"type": "input_audio_buffer.committed", "item_id": item_id},
            {
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": item_id,
                "transcript": text,
            },
        )

    def reply_begins(self, response_id: str, item_id: str, text: str) -> None:
        self.serve(
            {"type": "response.created", "response": {"id": response_id, "status": "in_progress"}},
            {
                "type": "response.output_item.added",
                "response_id": response_id,
                "item": {"id": item_id, "type": "message", "role": "assistant", "content": []},
            },
            {
                "type": "response.output_audio_transcript.delta",
                "response_id": response_id,
                "item_id": item_id,
                "delta": text,
            },
            {"type": "output_audio_buffer.started", "response_id": response_id},
        )

    def reply_ends(self, response_id: str, status: str = "completed") -> None:
        usage = {"total_tokens": 312}
        self.serve(
            {"type": "response.done", "response": {"id": response_id, "status": status, "usage": usage}},
            {
                "type": f"output_audio_buffer.{'cleared' if status == 'cancelled' else 'stopped'}",
                "response_id": response_id,
            },
        )

    def asks(self, item_id: str, name: str, arguments: str = "{}") -> None:
        item = {
            "id": item_id,
            "type": "mcp_approval_request",
            "server_label": "voice",
            "name": name,
            "arguments": arguments,
        }
        self.serve({"type": "conversation.item.added", "item": item})
