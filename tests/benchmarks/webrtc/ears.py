"""Who listens at the server's end of a measured call."""

from __future__ import annotations

from voice.audio.frames import AudioFrame
from voice.protocol.client_events import ClientEvent


class Counting:
    """Somebody who hears and says nothing."""

    frames = 0

    def receive_frame(self, frame: AudioFrame) -> None:
        Counting.frames += 1
        frame.data  # noqa: B018 - as an engine would look at it

    def played(self, epoch: int, position_ms: float, uncertainty_ms: float) -> None: ...

    def push_to_talk(self, held: bool, reply: bool = True) -> None: ...

    def talk_cancelled(self) -> None: ...

    def approval_given(self, request_id: str, approve: bool) -> None: ...

    def dtmf(self, digit: str) -> None: ...

    def typed(self, text: str) -> None: ...

    def client_said(self, event: ClientEvent) -> None: ...

    def hung_up(self, reason: str) -> None: ...
