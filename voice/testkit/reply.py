"""One response being made by a scripted server, event by event (realtime protocol, "Canonical sequences")."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

from voice.testkit.mind import FunctionWish, Reply

if TYPE_CHECKING:
    from voice.testkit.script import ScriptedServer

CALL_MS = 20.0
TOKENS_PER_WORD = 4
READ_TOKENS = 20


class Generation:
    """Says a reply, word by word, until it is complete or stopped. `apart`: outside the default conversation."""

    def __init__(
        self, server: ScriptedServer, reply: Reply, *, metadata: dict[str, str] | None, apart: bool, aloud: bool
    ) -> None:
        self.response_id = server.new_id("resp")
        self._server = server
        self._reply = reply
        self._metadata = metadata
        self._apart = apart
        self._aloud = aloud
        self._alive = True
        self._output: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None
        self._spoken: list[str] = []

    def begin(self, now: float) -> None:
        """`response.created`, and the first output after the time to think."""
        self._server.say("response.created", response=self._response("in_progress"))
        self._server.after(self._reply.think_ms, now, self._next_output)

    def stop(self, reason: str, now: float) -> None:
        """It is cancelled: nothing more is made, and what is begun is incomplete."""
        if self._open is not None:
            self._close_message(self._open, "incomplete")
        self._end("cancelled", reason)

    def fail(self, code: str) -> None:
        """It breaks."""
        if self._open is not None:
            self._close_message(self._open, "incomplete")
        self._end("failed", None, error={"type": "server_error", "code": code, "message": "The test wanted this."})

    def freeze(self) -> None:
        """Nothing more is made of it; it is still active."""
        self._alive = False

    # Outputs in turn

    def _next_output(self, now: float) -> None:
        if not self._alive:
            return
        index = len(self._output)
        messages, calls = self._reply.messages, self._reply.calls
        if index < len(messages):
            self._open_message(messages[index].split(), now)
        elif index < len(messages) + len(calls):
            self._call(calls[index - len(messages)], now)
        else:
            self._end("completed", None)

    def _open_message(self, words: list[str], now: float) -> None:
        server, index = self._server, len(self._output)
        item: dict[str, Any] = {
            "id": server.new_id("item"),
            "object": "realtime.item",
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        self._open, self._spoken = item, []
        server.say("response.output_item.added", response_id=self.response_id, output_index=index, item=item)
        if not self._apart:
            server.add_item(item, done=False)
            server.conversation[item["id"]].item = {**item, "content": [self._part([])]}
        kind = "audio" if self._aloud else "text"
        server.say("response.content_part.added", **self._ids(), part={"type": kind})
        self._word(words, 0, now)

    def _word(self, words: list[str], at: int, now: float) -> None:
        if not self._alive or self._open is None:
            return
        server = self._server
        if at >= len(words):
            self._close_message(self._open, "completed")
            server.after(0.0, now, self._next_output)
            return
        word, word_ms = words[at], self._reply.word_ms
        self._spoken.append(word)
        text = word if at == 0 else f" {word}"
        if self._aloud:
            if not self._apart:
                server.conversation[self._open["id"]].say(word, word_ms)
            sound = server.vocabulary.sound_of(word, server.output_format, word_ms=word_ms)
            server.say("response.output_audio_transcript.delta", **self._ids(), delta=text)
            delta = binascii.b2a_base64(sound, newline=False).decode()
            server.say("response.output_audio.delta", **self._ids(), delta=delta)
        else:
            server.say("response.output_text.delta", **self._ids(), delta=text)
        server.after(word_ms / self._reply.speed, now, lambda at_s: self._word(words, at + 1, at_s))

    def _close_message(self, item: dict[str, Any], status: str) -> None:
        server, text = self._server, " ".join(self._spoken)
        ids = self._ids()
        if self._aloud:
            server.say("response.output_audio.done", **ids)
            server.say("response.output_audio_transcript.done", **ids, transcript=text)
            server.say("response.content_part.done", **ids, part={"type": "audio", "transcript": text})
        else:
            server.say("response.output_text.done", **ids, text=text)
            server.say("response.content_part.done", **ids, part={"type": "text", "text": text})
        done = {**item, "status": status, "content": [self._part(self._spoken)]}
        self._done(done)
        self._open = None

    def _part(self, words: list[str]) -> dict[str, Any]:
        text = " ".join(words)
        return {"type": "output_audio", "transcript": text} if self._aloud else {"type": "output_text", "text": text}

    def _call(self, wish: FunctionWish, now: float) -> None:
        server = self._server
        call_id = server.new_id("call")
        item = {
            "id": server.new_id("item"),
            "object": "realtime.item",
            "type": "function_call",
            "status": "in_progress",
            "call_id": call_id,
            "name": wish.name,
            "arguments": "",
        }
        index = len(self._output)
        ids = {"response_id": self.response_id, "item_id": item["id"], "output_index": index, "call_id": call_id}
        server.say("response.output_item.added", response_id=self.response_id, output_index=index, item=item)
        if not self._apart:
            server.add_item(item, done=False)
        server.say("response.function_call_arguments.delta", **ids, delta=wish.arguments)
        server.say("response.function_call_arguments.done", **ids, name=wish.name, arguments=wish.arguments)
        self._done({**item, "status": "completed", "arguments": wish.arguments})
        server.after(CALL_MS, now, self._next_output)

    def _done(self, item: dict[str, Any]) -> None:
        """An item of the response is final."""
        server, index = self._server, len(self._output)
        if not self._apart and item["id"] in server.conversation:
            server.conversation[item["id"]].item = item
            server.say("conversation.item.done", item=item, previous_item_id=None)
        server.say("response.output_item.done", response_id=self.response_id, output_index=index, item=item)
        self._output.append(item)

    def _end(self, status: str, reason: str | None, *, error: dict[str, str] | None = None) -> None:
        self._alive = False
        self._server.ended(self)
        response = self._response(status)
        if status != "completed":
            details = {"type": status, "reason": reason, "error": error}
            response["status_details"] = {name: value for name, value in details.items() if value is not None}
        self._server.say("response.done", response=response)

    def _ids(self) -> dict[str, Any]:
        item_id = self._open["id"] if self._open is not None else ""
        return {
            "response_id": self.response_id,
            "item_id": item_id,
            "output_index": len(self._output),
            "content_index": 0,
        }

    def _response(self, status: str) -> dict[str, Any]:
        made = TOKENS_PER_WORD * sum(len(message.split()) for message in self._reply.messages)
        usage = {
            "total_tokens": READ_TOKENS + made,
            "input_tokens": READ_TOKENS,
            "output_tokens": made,
            "input_token_details": {"text_tokens": 0, "audio_tokens": READ_TOKENS, "cached_tokens": 0},
            "output_token_details": {"text_tokens": 0, "audio_tokens": made},
        }
        return {
            "id": self.response_id,
            "object": "realtime.response",
            "status": status,
            "status_details": None,
            "output": list(self._output),
            "conversation_id": None if self._apart else "conv",
            "output_modalities": ["audio"] if self._aloud else ["text"],
            "metadata": self._metadata,
            "usage": None if status == "in_progress" else usage,
        }
