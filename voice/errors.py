"""Everything that can go wrong, in one tree.

    VoiceError
    ├── Misuse                 our own code broke a rule: a bug, never caught and hidden
    ├── ConfigError            a setting is wrong: says file, line and what was expected
    ├── ExtraMissing           a part that is not installed is needed: says the one command that brings it
    ├── ProtocolError          the far end said something we refuse: becomes an `error` event, the session lives
    ├── EngineError
    │   ├── EngineUnreachable  nothing answered, or the socket broke while opening
    │   ├── EngineRefused      it answered and said no: key, model or quota
    │   └── EngineFailed       it broke while working
    ├── TransportError
    │   ├── DeviceMissing      no microphone or loudspeaker to open
    │   ├── AudioFileError     not a readable sound file
    │   ├── RelayUnusable      a TURN server is needed and gives us no place
    │   └── PeerGone           the person's end went away
    ├── SocketError
    │   ├── SocketUnreachable  nobody answered at the address, or not as a websocket
    │   └── SocketRefused      an HTTP status came instead of a websocket
    ├── ToolError
    │   ├── ArgumentsRefused   the model's arguments do not fit the schema
    │   ├── ToolRefused        it may not run: the policy, a missing approval, or it ran before
    │   ├── ToolTimeout        it took longer than it may
    │   └── ToolFailed         it raised, or answered something unusable
    ├── TraceUnreadable        a file is not a trace of a conversation
    ├── RequestRefused         an HTTP request is answered with a status and a reason instead
    ├── Busy                   a limit is reached: try later
    └── PortInUse              the address to listen on is taken

An error has three readers and a text for each: `person` is one sentence and the fix, `model` a short
correction, and `log` the details (never a secret, never somebody's words).
"""

from __future__ import annotations

from pathlib import Path


class VoiceError(Exception):
    """Root of the tree. `message` is one sentence for a person; `fix` says what to do about it."""

    code = "voice_error"
    exit_code = 1

    def __init__(self, message: str, *, fix: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.detail = detail

    @property
    def person(self) -> str:
        return f"{self.message} {self.fix}".strip()

    @property
    def model(self) -> str:
        return self.message

    @property
    def log(self) -> str:
        return f"{type(self).__name__}: {self.message}" + (f" ({self.detail})" if self.detail else "")


class Misuse(VoiceError):
    """Our own code called something in a state in which it may not be called."""

    code = "misuse"


class ConfigError(VoiceError):
    """A setting is wrong. `path` and `line` say where, when it came from a file."""

    code = "config_error"
    exit_code = 2

    def __init__(self, message: str, *, fix: str = "", path: Path | None = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path}:{line}: " if line else f"{path}: "
        super().__init__(where + message, fix=fix)
        self.path = path
        self.line = line


class ExtraMissing(VoiceError):
    """Something that only an extra brings is needed."""

    code = "extra_missing"
    exit_code = 2

    def __init__(self, what: str, extra: str, *, fix: str = "") -> None:
        super().__init__(f"{what} is not installed.", fix=fix or f"Install it with: pip install 'voice[{extra}]'")
        self.extra = extra


class ProtocolError(VoiceError):
    """The far end said something we refuse; the fields are those of the protocol's `error` event."""

    code = "invalid_value"

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid_value",
        param: str | None = None,
        event_id: str | None = None,
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.event_id = event_id
        self.type = type


class EngineError(VoiceError):
    """The engine (what listens, thinks and speaks) is in trouble."""

    code = "engine_error"
    exit_code = 2


class EngineUnreachable(EngineError):
    """Nothing answered at the engine's address, or the connection broke while opening."""

    code = "engine_unreachable"


class EngineRefused(EngineError):
    """The engine answered and said no: the key, the model or the quota."""

    code = "engine_refused"


class EngineFailed(EngineError):
    """The engine broke while it was working."""

    code = "engine_failed"


class TransportError(VoiceError):
    """The person's end is in trouble."""

    code = "transport_error"
    exit_code = 2


class DeviceMissing(TransportError):
    """There is no microphone or loudspeaker to open."""

    code = "device_missing"


class AudioFileError(TransportError):
    """A file is not sound that we can read."""

    code = "audio_file"


class RelayUnusable(TransportError):
    """Sound would go over a TURN server, and it does not answer, or does not let us."""

    code = "relay_unusable"


class PeerGone(TransportError):
    """The person's end went away."""

    code = "peer_gone"


class SocketError(VoiceError):
    """A websocket could not be opened. Neutral: who asked for it says what that means."""

    code = "socket_error"
    exit_code = 2


class SocketUnreachable(SocketError):
    """Nobody answered at the address in time, or what answered does not speak websocket."""

    code = "socket_unreachable"


class SocketRefused(SocketError):
    """The far end answered the opening handshake with `status` (HTTP) and the beginning of a `body`."""

    code = "socket_refused"

    def __init__(self, status: int, body: bytes = b"", *, retry_after: str = "") -> None:
        super().__init__(f"The server answered the websocket handshake with HTTP {status}.")
        self.status = status
        self.body = body
        self.retry_after = retry_after


class ToolError(VoiceError):
    """A tool call cannot be answered with a result; `model` is what the model is told."""

    code = "tool_error"


class ArgumentsRefused(ToolError):
    """The arguments do not fit the tool's schema."""

    code = "arguments_refused"


class ToolRefused(ToolError):
    """The call may not run, or not again."""

    code = "tool_refused"


class ToolTimeout(ToolError):
    """The tool took longer than it may."""

    code = "tool_timeout"


class ToolFailed(ToolError):
    """The tool raised, or answered something that cannot be used."""

    code = "tool_failed"


class TraceUnreadable(VoiceError):
    """A file is not a trace of a conversation, or of a version we do not know."""

    code = "trace_unreadable"
    exit_code = 2


class RequestRefused(VoiceError):
    """A request over HTTP, or one to open a websocket, is not granted. `status` is HTTP's, `code` and `param` are
    those of the error object in the body; `retry_after_s` says when asking again may help, when that is known."""

    code = "request_refused"

    def __init__(
        self, status: int, code: str, message: str, *, param: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s


class Busy(VoiceError):
    """A limit is reached. `retry_after_s` says when to come back, when that is known."""

    code = "busy"

    def __init__(self, message: str, *, fix: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, fix=fix)
        self.retry_after_s = retry_after_s


class PortInUse(VoiceError):
    """The address to listen on is taken."""

    code = "port_in_use"
    exit_code = 2
