"""Says no to a client in one sentence: a validation error becomes the `error` event's code, param and message."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from voice.errors import ProtocolError

_MISSING = {"missing"}
_WRONG_TYPE = {
    "string_type": "text",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "object_type": "an object",
}
_OUT_OF_RANGE = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be finite",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "literal_error": "expected {expected}",
    "kind": "expected one of {expected}",
    "base64": "expected base64 text",
}


def refusal(error: ValidationError, raw: dict[str, Any] | None) -> ProtocolError:
    """The answer to a client event that does not fit; `raw` is that event as it came, None when it is not JSON.

    Of several errors one is told: the alternatives of a union each complain, and the one that got furthest
    is the one that was meant.
    """
    if raw is None:
        return ProtocolError("The message is not a JSON object.", code="invalid_json")
    errors = error.errors(include_url=False, include_input=False)
    worst = max(errors, key=lambda one: (len(_path(one, raw)), _nearness(one["type"])))
    path = _path(worst, raw)
    param = _written(path)
    code, message = _explained(worst, param)
    event_id = raw.get("event_id")
    return ProtocolError(message, code=code, param=param, event_id=event_id if isinstance(event_id, str) else None)


def _nearness(kind: str) -> int:
    """How close the value came: a wrong type is further off than a wrong word, and that than a number out of range."""
    if kind == "literal_error":
        return 1
    return 2 if kind in _OUT_OF_RANGE or kind in _MISSING else 0


def _path(error: ErrorDetails, raw: dict[str, Any]) -> list[str | int]:
    """Where the error is in what the client wrote. Names of alternatives, which pydantic adds, are left out."""
    path: list[str | int] = []
    here: Any = raw
    for step in error["loc"]:
        if _leads_on(here, step):
            here = here[step]
            path.append(step)
        elif error["type"] in _MISSING and step == error["loc"][-1]:
            path.append(step)
    return path


def _leads_on(here: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(here, list) and step < len(here)
    return isinstance(here, dict) and step in here


def _written(path: list[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _explained(error: ErrorDetails, param: str) -> tuple[str, str]:
    kind = error["type"]
    if kind in _MISSING:
        return "missing_required_parameter", f"Missing required parameter: '{param}'."
    if kind in _WRONG_TYPE:
        return "invalid_type", f"Invalid type for '{param}': expected {_WRONG_TYPE[kind]}."
    if kind in _OUT_OF_RANGE:
        bounds = {
            name: f"{value:g}" if isinstance(value, float) else value for name, value in error.get("ctx", {}).items()
        }
        return "invalid_value", f"Invalid value for '{param}': {_OUT_OF_RANGE[kind].format(**bounds)}."
    return "invalid_value", f"Invalid value for '{param}'."
