"""What `voice doctor` looks at. A part of the engine is proven by using it, not by finding its files."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from voice.errors import DeviceMissing, ExtraMissing, SocketRefused, VoiceError

if TYPE_CHECKING:
    from voice.config import Settings

BASE = ("websockets", "numpy", "pydantic", "httpx", "starlette", "uvicorn", "rich")
PATIENCE_S = 30.0
WEB_SCHEMES = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `needed`: without it the present settings cannot work."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    needed: bool = True


async def checks(settings: Settings) -> AsyncIterator[Check]:
    """Every finding, as soon as it is made."""
    yield python()
    yield libraries()
    if settings.engine.kind == "local":
        yield await attempt("speech detector", lambda: vad(settings))
        yield await attempt("recogniser", lambda: recogniser(settings))
        yield await attempt("synthesiser", lambda: synthesiser(settings))
        yield await attempt("intents", intents, needed=settings.local.brain == "intents")
    else:
        yield await attempt("engine", lambda: remote(settings))
    if settings.turns.end_of_turn_model:
        yield await attempt("end-of-turn model", lambda: end_of_turn_model(settings))
    yield key(settings)
    yield await attempt("sound devices", devices, needed=False)
    yield await attempt("pictures as PNG", png, needed=False)
    yield await attempt("doors", lambda: doors(settings))
    yield port(settings)


async def attempt(name: str, look: Callable[[], Awaitable[str]], *, needed: bool = True) -> Check:
    """What `look` found, or why it could not."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return Check(name, True, await look(), needed=needed)
    except TimeoutError:
        return Check(name, False, f"no answer within {PATIENCE_S:g} s", "Look at the logs of that part.", needed)
    except VoiceError as error:
        return Check(name, False, error.message, error.fix, needed)


# Ourselves


def python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", (3, 11) <= sys.version_info < (3, 14), version, "Use Python 3.11, 3.12 or 3.13.")


def libraries() -> Check:
    missing = [name for name in BASE if find_spec(name) is None]
    if missing:
        return Check("libraries", False, f"missing: {', '.join(missing)}", "Install again: pip install voice")
    return Check("libraries", True, " ".join(f"{name} {importlib.metadata.version(name)}" for name in BASE))


def port(settings: Settings) -> Check:
    host, number = settings.server.host, settings.server.port
    try:
        family = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, number))
    except OSError as error:
        reason = (error.strerror or "not usable").lower()
        return Check("port", False, f"{host}:{number}: {reason}", "Choose another one: voice serve --port 8081")
    return Check("port", True, f"{host}:{number} is free")


async def doors(settings: Settings) -> str:
    """Who gets in, and whether the service would start like that: keys, certificate, where it keeps its counts."""
    from voice.commands.serve import with_keys, with_state
    from voice.server.guard import check_reach, check_tls
    from voice.server.keys import KeyFile

    def look() -> str:
        server = with_state(with_keys(settings)).server
        keys = KeyFile(Path(server.keys_file)).read() if server.keys_file else ()
        check_reach(server, authenticated=bool(server.keys_file))
        check_tls((server.tls_cert, server.tls_key) if server.tls_cert else None)
        if server.keys_file:
            return (
                f"whoever shows a key (known here: {len(keys)})"
                if keys
                else "nobody: there is no key yet (voice keys add NAME)"
            )
        return "everybody who can reach it" if server.open_to_all else "everybody on this machine, and nobody else"

    return await asyncio.to_thread(look)


def key(settings: Settings) -> Check:
    """Never the key itself."""
    fix = "export OPENAI_API_KEY=sk-…" if settings.engine.kind == "openai" else ""
    if settings.engine.api_key or os.environ.get("OPENAI_API_KEY"):
        return Check("key", True, "a key is set", needed=False)
    return Check("key", not fix, "no key is set" + ("" if fix else "; none is needed"), fix, needed=bool(fix))


# The embedded engine


async def end_of_turn_model(settings: Settings) -> str:
    from voice.audio.frames import PCM_16K, AudioFrame
    from voice.engines.speech.smart_turn import SmartTurn

    model = SmartTurn(settings.turns.end_of_turn_model)
    try:
        await model.open()
        before = time.perf_counter()
        await model.finished([AudioFrame(PCM_16K, PCM_16K.silence(1_000))])
        took_ms = (time.perf_counter() - before) * 1000
    finally:
        await model.close()
    return f"{settings.turns.end_of_turn_model}, {took_ms:.0f} ms"


async def vad(settings: Settings) -> str:
    from voice.engines.speech.choose import choose_vad

    detector = choose_vad(settings.local.vad)
    detector.feed(bytes(2 * detector.window_samples))
    return settings.local.vad


async def recogniser(settings: Settings) -> str:
    from voice.engines.speech.choose import choose_recogniser

    part = choose_recogniser(settings.local.stt, model_path=settings.local.stt_model)
    await part.open()
    try:
        return part.name
    finally:
        await part.close()


async def synthesiser(settings: Settings) -> str:
    from voice.engines.speech.choose import choose_speaker

    local = settings.local
    part = choose_speaker(local.tts, model_path=local.tts_model, voices_path=local.tts_voices)
    await part.open()
    try:
        size = 0
        async for piece in part.speak("Ready.", voice=local.voice):
            size += len(piece)
        return f"{part.name}, {part.rate_hz} Hz" if size else f"{part.name} says nothing"
    finally:
        await part.close()


async def intents() -> str:
    if find_spec("hassil") is None:
        raise ExtraMissing("hassil, which understands sentences,", "local")
    return f"hassil {importlib.metadata.version('hassil')}"


# Elsewhere


async def remote(settings: Settings) -> str:
    """Open the websocket as the engine would, and close it."""
    from voice.net.client import connect

    url = address(settings)
    headers = {"Authorization": f"Bearer {settings.engine.api_key}"} if settings.engine.api_key else {}
    where = urlsplit(url).netloc
    try:
        opened = await connect(url, listener=_Deaf(), headers=headers)
    except SocketRefused as error:
        fixes = {401: "Check the key.", 403: "This key may not use it.", 404: "Check the path and the model."}
        raise VoiceError(f"{where} answered HTTP {error.status}.", fix=fixes.get(error.status, "Try later.")) from error
    except VoiceError as error:
        raise VoiceError(error.message, fix="Is it running, and is the address right?") from error
    await opened.close()
    return f"{where} answers"


def address(settings: Settings) -> str:
    """The websocket address of the engine in these settings."""
    from voice.app import OPENAI_MODEL, OPENAI_URL

    engine = settings.engine
    parts = urlsplit(engine.url or f"{OPENAI_URL}?model={engine.model or OPENAI_MODEL}")
    return parts._replace(scheme=WEB_SCHEMES.get(parts.scheme, parts.scheme)).geturl()


async def devices() -> str:
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise ExtraMissing("sounddevice", "desktop") from error
    except OSError as error:
        raise DeviceMissing(
            "The PortAudio library is missing.", fix="Install it with: apt-get install libportaudio2"
        ) from error
    found: list[Any] = list(await asyncio.to_thread(sounddevice.query_devices))
    ins = [str(device["name"]) for device in found if device["max_input_channels"] > 0]
    outs = [str(device["name"]) for device in found if device["max_output_channels"] > 0]
    if not ins or not outs:
        raise DeviceMissing(
            f"{len(ins)} microphones, {len(outs)} loudspeakers.", fix="Plug one in; voice call needs none."
        )
    return f"microphones: {', '.join(ins)} · loudspeakers: {', '.join(outs)}"


async def png() -> str:
    from voice.timeline.png import check

    check()
    return f"resvg-py {importlib.metadata.version('resvg-py')}"


class _Deaf:
    """Listens to a socket that is only opened to see whether it opens."""

    def receive_text(self, data: bytes) -> None: ...

    def receive_binary(self, data: bytes) -> None: ...

    def socket_closed(self, code: int, reason: str) -> None: ...
