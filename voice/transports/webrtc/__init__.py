"""WebRTC: browsers and other realtime clients whose sound comes and goes as RTP (aiortc, extra `webrtc`)."""

from __future__ import annotations

from voice.transports.webrtc.transport import WebRtcTransport, answer_offer

__all__ = ["WebRtcTransport", "answer_offer"]
