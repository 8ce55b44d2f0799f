"""Why an engine did not open, in a sentence and with the fix.

`EngineRefused` is final (key, model, quota: trying again changes nothing), `EngineUnreachable` may pass.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from voice.errors import EngineError, EngineRefused, EngineUnreachable, SocketRefused

_FINAL_CLOSE_CODES = {1002, 1003, 1007, 1008, 1009, 1010}
_LATER = {408, 425, 429}
_MEANS = {401: "invalid_api_key", 403: "forbidden"}
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "access_terminated"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom we asked for what: `key_name` is where the key came from, or should have."""

    host: str
    model: str | None = None
    key_name: str = "OPENAI_API_KEY"
    has_key: bool = False


def of_status(refused: SocketRefused, asked: Asked) -> EngineError:
    """What an HTTP status in place of a websocket means."""
    host = asked.host
    code, message = _said(refused.body)
    status = refused.status
    detail = f"HTTP {status} {code or ''}".strip()
    code = code or _MEANS.get(status, "")
    if code in _QUOTA or (code and 400 <= status < 500 and status not in _LATER):
        return of_code(code, message, asked, detail=detail)
    if status == 404:
        fix = "Check the path of the engine's address (…/v1/realtime), and the model."
        return EngineRefused(f"{host} has nothing at this address.", fix=fix, detail=detail)
    if 300 <= status < 400:
        return EngineRefused(
            f"{host} answers that the engine is elsewhere.", fix="Set its real address.", detail=detail
        )
    if status == 429:
        again = f"Try again in {refused.retry_after} s." if refused.retry_after.isdigit() else "Try again later."
        return EngineUnreachable(f"{host} has had too many requests.", fix=again, detail=detail)
    if status >= 500 or status in _LATER:
        return EngineUnreachable(f"{host} is in trouble (HTTP {status}).", fix="Try again later.", detail=detail)
    return EngineRefused(
        f"{host} does not take the connection (HTTP {status}).",
        fix=message or "Check the engine's address.",
        detail=detail,
    )


def of_code(code: str, message: str, asked: Asked, *, detail: str = "") -> EngineError:
    """What an error code means that was said instead of, or in place of the first, `session.created`."""
    host, model, key_name, has_key = asked.host, asked.model, asked.key_name, asked.has_key
    detail = detail or code
    if code in ("server_error", "rate_limit_exceeded", "session_limit_exceeded"):
        return EngineUnreachable(f"{host} is in trouble ({code}).", fix="Try again later.", detail=detail)
    if code in _QUOTA:
        return EngineRefused(f"{host} says that the quota is used up.", fix="Check plan and billing.", detail=detail)
    if code == "beta_api_shape_disabled":
        return EngineRefused(
            f"{host} no longer speaks the beta protocol.",
            fix="Remove the OpenAI-Beta header from the engine's settings.",
            detail=detail,
        )
    if "model" in code or "deployment" in code.lower():
        name = f"the model {model}" if model else "this model"
        return EngineRefused(f"{host} does not have {name}.", fix="Set a realtime model it offers.", detail=detail)
    if "api_key" in code or code in ("invalid_authentication", "unauthorized", "401"):
        fix = f"Check the key in {key_name}." if has_key else f"Set {key_name}."
        return EngineRefused(f"{host} {'refuses the key' if has_key else 'wants a key'}.", fix=fix, detail=detail)
    if code == "forbidden":
        fix = f"Check what the key in {key_name} is allowed to do." if has_key else f"Set {key_name}."
        return EngineRefused(f"{host} does not allow this.", fix=fix, detail=detail)
    return EngineRefused(f"{host} refused the session.", fix=message, detail=detail)


def of_close(code: int, reason: str, asked: Asked) -> EngineError:
    """The socket opened and closed again before anything was said."""
    host, detail = asked.host, f"close code {code} {reason}".strip()
    if code in _FINAL_CLOSE_CODES or code >= 4000:
        return EngineRefused(f"{host} closed the connection at once.", fix=reason, detail=detail)
    return EngineUnreachable(f"{host} closed the connection at once.", fix="Try again later.", detail=detail)


def _said(body: bytes) -> tuple[str, str]:
    """Code and message of a JSON error body; empty when it is something else."""
    try:
        content: Any = json.loads(body)
    except ValueError:
        return "", ""
    error = content.get("error", content) if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code") or "", error.get("message") or ""
    return str(code), str(message)[:300]
