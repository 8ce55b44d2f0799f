"""Every setting there is, one frozen record per section of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_type_hints


def _between(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"between": (low, high)})


def _secret() -> Any:
    return field(default="", repr=False, metadata={"secret": True})


@dataclass(frozen=True)
class ServerSettings:
    """The door. `grace_s` is how long open conversations may go on after a stop signal; `public_origin` is the
    address that others reach us at (`https://voice.example.com`), never guessed from what a request says.

    `keys_file` is where `voice keys` keeps its keys; with keys in it every client must show one. Without keys it does
    not start where others can reach it, unless `open_to_all` says that something in front decides who gets in. The
    address of a client is taken from `X-Forwarded-For` only when one of the `trusted_proxies` (addresses) says it.
    With limits of minutes or dollars, `state_path` keeps what was used of them over restarts (`voice serve` finds a
    place for it when it is empty). `tls_cert` and `tls_key` are PEM files. `default_assistant` answers who names none;
    empty: what [session] describes. With Twilio's auth token only what Twilio has signed for `public_origin` may open
    its socket, and needs no key."""

    host: str = "127.0.0.1"
    port: int = _between(8080, 0, 65_535)
    grace_s: float = _between(20.0, 0, 3_600)
    max_sessions: int = _between(200, 1, 100_000)
    max_session_minutes: float = _between(120.0, 0.1, 24 * 60)
    max_message_bytes: int = _between(16 * 1024 * 1024, 1_024, 256 * 1024 * 1024)
    public_origin: str = ""
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    keys_file: str = ""
    open_to_all: bool = False
    state_path: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    default_assistant: str = ""
    twilio_auth_token_env: str = ""
    twilio_auth_token: str = _secret()


@dataclass(frozen=True)
class LimitSettings:
    """What one client may take, where keys tell clients apart; 0 is no limit. Minutes and US dollars are counted over
    24 hours from the first one on (`server.state_path`). `requests_per_minute` holds for each key and for each address,
    `failures_per_minute` for wrong keys from one address. `pending_calls` are WebRTC calls that were answered and are
    not connected yet."""

    requests_per_minute: int = _between(600, 0, 1_000_000)
    failures_per_minute: int = _between(30, 0, 1_000_000)
    sessions_per_key: int = _between(0, 0, 100_000)
    minutes_per_key: float = _between(0.0, 0, 1_000_000)
    usd_per_key: float = _between(0.0, 0, 1_000_000)
    usd: float = _between(0.0, 0, 1_000_000)
    client_secrets: int = _between(10_000, 1, 1_000_000)
    pending_calls: int = _between(32, 1, 10_000)
    sidebands_per_call: int = _between(8, 1, 1_000)
    max_sdp_bytes: int = _between(64 * 1024, 1_024, 1024 * 1024)
    max_body_bytes: int = _between(512 * 1024, 1_024, 64 * 1024 * 1024)


Who = Literal["anyone", "key", "nobody"]


@dataclass(frozen=True)
class OverrideSettings:
    """Who may change what of an assistant: `anyone` who may talk with it, whoever holds an API `key` (not a client
    secret, which is in somebody's browser), or `nobody`. Who may not change instructions is not shown them either."""

    instructions: Who = "anyone"
    voice: Who = "anyone"
    tools: Who = "anyone"
    turns: Who = "anyone"
    transcription: Who = "anyone"
    output: Who = "anyone"
    model: Who = "anyone"
    system_items: Who = "anyone"


@dataclass(frozen=True)
class PriceSettings:
    """US dollars per million tokens, of the model that answers. All 0: nothing is claimed about cost."""

    text_in: float = _between(0.0, 0, 10_000)
    text_cached: float = _between(0.0, 0, 10_000)
    text_out: float = _between(0.0, 0, 10_000)
    audio_in: float = _between(0.0, 0, 10_000)
    audio_cached: float = _between(0.0, 0, 10_000)
    audio_out: float = _between(0.0, 0, 10_000)
    image_in: float = _between(0.0, 0, 10_000)
    image_cached: float = _between(0.0, 0, 10_000)


@dataclass(frozen=True)
class EngineSettings:
    """What listens, thinks and speaks: the embedded engine, OpenAI, or any server of the same protocol at `url`.

    `OPENAI_API_KEY` is sent to OpenAI only; a server elsewhere gets the key that `api_key_env` names, or none."""

    kind: Literal["local", "openai", "url"] = "local"
    url: str = ""
    model: str = ""
    api_key_env: str = ""
    api_key: str = _secret()


@dataclass(frozen=True)
class LocalSettings:
    """The parts of the embedded engine. `auto` takes the best one that is installed; `stt_model`, `tts_model` and
    `tts_voices` are paths; `brain_url` is an OpenAI-compatible base address, like `http://127.0.0.1:11434/v1`."""

    stt: str = "auto"
    stt_model: str = ""
    tts: str = "auto"
    tts_model: str = ""
    tts_voices: str = ""
    voice: str = ""
    brain: Literal["intents", "responses", "chat"] = "intents"
    brain_url: str = ""
    brain_model: str = ""
    brain_api_key_env: str = ""
    brain_api_key: str = _secret()
    vad: str = "silero"


@dataclass(frozen=True)
class SessionSettings:
    """How a conversation begins: `instructions` for the model, a `greeting` that is spoken first, and the voice.
    `closing` is what a caller hears when the engine is gone for good; a synthesiser on this machine speaks it."""

    instructions: str = ""
    greeting: str = ""
    closing: str = ""
    voice: str = ""
    language: str = "en"


@dataclass(frozen=True)
class TurnSettings:
    """When the person's turn is over: after `silence_ms` of silence (as the engine hears it, or with `local` as our own
    ear does), when it makes sense (`semantic_vad`), or when the talk button is let go. `idle_text` is said after
    `idle_s` seconds in which nobody said anything (0: never).
    With `local` the words and, with a smart-turn v3 file at `end_of_turn_model`, the melody say how much silence is
    enough; after `speculate_ms` of it (0: never) the reply is asked for already, and retracted unheard when the person
    goes on. `floor` says who answers an interruption: we, or the engine. Ours is `judged` (the assistant ducks at the
    first sign, stops when it is certain, and goes on when it was an "mm-hm" or a cough) or taken `at_once` where the
    engine hears speech, which saves an ear of our own. `auto`: judged with the embedded engine, else at once."""

    mode: Literal["server_vad", "semantic_vad", "local", "push_to_talk", "off"] = "server_vad"
    silence_ms: int = _between(500, 50, 10_000)
    speculate_ms: int = _between(0, 0, 2_000)
    end_of_turn_model: str = ""
    threshold: float = _between(0.5, 0, 1)
    prefix_padding_ms: int = _between(300, 0, 5_000)
    floor: Literal["ours", "engine"] = "ours"
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    toggle: bool = False
    idle_s: float = _between(0.0, 0, 3_600)
    idle_text: str = "Are you still there?"
    interruption: Literal["auto", "judged", "at_once"] = "auto"


@dataclass(frozen=True)
class ToolSettings:
    """Which tools the assistant may use: their names, or `all`.

    `[tools.policy]` says which of them run (`allow`), need a person's approval (`ask`), or do not run (`deny`): a row
    names a tool, or a class of side effects (`read`, `write`, `irreversible`). After `approval_s` seconds no answer is
    a "no"; `approval_on_interruption` says whether a question outlives an interruption of the reply that asked it;
    `approval_prompt` is said when a question is asked, for people who do not look at the screen."""

    enabled: tuple[str, ...] | Literal["all"] = "all"
    policy: Mapping[str, Literal["allow", "ask", "deny"]] = field(default_factory=dict)
    approval_s: float = _between(60.0, 1, 3_600)
    approval_on_interruption: Literal["keep", "drop"] = "keep"
    approval_prompt: str = ""


@dataclass(frozen=True)
class RtcSettings:
    """Browsers' sound over WebRTC. `udp_ports` is the range that a firewall lets through ("50000-50200"; "": any), one
    port for each call and address; `addresses` are the local ones to listen at (none named: all of this machine);
    `public_address` is where a NAT in front of us is reached. No STUN or TURN server is asked unless `ice_servers`
    names it (`stun:host:3478`, `turn:host:3478?transport=udp`), and with `relay_only` only TURN carries the sound.

    We send Opus at `bitrate` bits per second with `complexity` 0-10, in-band error correction (`fec`) as far as the
    other side reports losses, and next to nothing in silence (`dtx`). Somebody of whom nothing was heard for
    `lost_after_s` has gone; a connection that does not stand after `connect_s` is given up."""

    udp_ports: str = ""
    addresses: tuple[str, ...] = ()
    public_address: str = ""
    ice_servers: tuple[str, ...] = ()
    ice_username: str = ""
    ice_credential_env: str = ""
    ice_credential: str = _secret()
    relay_only: bool = False
    bitrate: int = _between(32_000, 6_000, 128_000)
    complexity: int = _between(1, 0, 10)
    fec: bool = True
    dtx: bool = True
    lost_after_s: float = _between(6.0, 2, 60)
    connect_s: float = _between(15.0, 1, 120)


@dataclass(frozen=True)
class AssistantSettings:
    """One of several assistants, whole: what `[assistants.NAME]` leaves out is as in the general sections."""

    name: str
    description: str = ""
    model: str = ""
    session: SessionSettings = field(default_factory=SessionSettings)
    turns: TurnSettings = field(default_factory=TurnSettings)
    tools: ToolSettings = field(default_factory=ToolSettings)
    overrides: OverrideSettings = field(default_factory=OverrideSettings)


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, one section per concern."""

    server: ServerSettings = field(default_factory=ServerSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    local: LocalSettings = field(default_factory=LocalSettings)
    session: SessionSettings = field(default_factory=SessionSettings)
    turns: TurnSettings = field(default_factory=TurnSettings)
    tools: ToolSettings = field(default_factory=ToolSettings)
    webrtc: RtcSettings = field(default_factory=RtcSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    overrides: OverrideSettings = field(default_factory=OverrideSettings)
    prices: PriceSettings = field(default_factory=PriceSettings)
    assistants: Mapping[str, AssistantSettings] = field(default_factory=dict)


SECTIONS: dict[str, type[Any]] = {
    "server": ServerSettings,
    "engine": EngineSettings,
    "local": LocalSettings,
    "session": SessionSettings,
    "turns": TurnSettings,
    "tools": ToolSettings,
    "webrtc": RtcSettings,
    "limits": LimitSettings,
    "overrides": OverrideSettings,
    "prices": PriceSettings,
}
ASSISTANTS = "assistants"
OF_ASSISTANT: dict[str, str] = {
    **{item.name: f"session.{item.name}" for item in fields(SessionSettings)},
    "tools": "tools.enabled",
}
"""Which general setting each key of `[assistants.NAME]` stands in for, beside its own `description` and `model`."""
SUBSECTIONS = ("turns", "overrides")
"""Sections that an assistant may have of its own: `[assistants.NAME.turns]`."""


def keys(record: type[Any]) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Name, type and limits of each setting of a section."""
    hints = get_type_hints(record)
    for item in fields(record):
        yield item.name, hints[item.name], item.metadata


def names() -> Iterator[tuple[str, str]]:
    """Section and key of every setting."""
    for section, record in SECTIONS.items():
        for item in fields(record):
            yield section, item.name


def variable(section: str, key: str) -> str:
    """The name of a setting's environment variable."""
    return f"VOICE_{section}_{key}".upper()
