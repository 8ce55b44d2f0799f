"""The OpenAPI document of everything that is plain HTTP here, at `/v1/openapi.json`."""

from __future__ import annotations

from typing import Any

from voice import __version__


def _header(name: str, meaning: str) -> dict[str, Any]:
    return {name: {"required": True, "schema": {"type": "string"}, "description": meaning}}


_RETRY_AFTER = _header("Retry-After", "seconds")
_ERROR = {"$ref": "#/components/responses/Error"}
_ERRORS_OF_THEIR_OWN = {
    401: {"$ref": "#/components/responses/NoKey"},
    429: {"$ref": "#/components/responses/Later"},
    503: {"$ref": "#/components/responses/Later"},
}
_AT_THE_GATE = (400, 421)
"""What any request may be told before a route looks at it: no Host, or one that is not ours."""
_FOREIGN_PAGE = 403
"""And one that changes something: that pages of its origin may not."""


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "voice",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "A realtime voice assistant. The websocket at /v1/realtime speaks the OpenAI Realtime "
            "protocol; these are the routes beside it.",
        },
        "security": [{"key": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "vk_… or ek_…"}},
            "schemas": _schemas(),
            "responses": {
                "Error": _refusal("Not granted; the body says why."),
                "NoKey": _refusal("Not without a valid key.", _header("WWW-Authenticate", "Bearer")),
                "Later": _refusal("Not now.", _RETRY_AFTER),
            },
        },
    }


def _refusal(description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "description": description,
        "headers": headers or {},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _paths() -> dict[str, Any]:
    paths = _routes()
    for verbs in paths.values():
        for verb, operation in verbs.items():
            told = (*_AT_THE_GATE, _FOREIGN_PAGE) if verb == "post" else _AT_THE_GATE
            operation["responses"] = {**_errors(*told), **operation["responses"]}
    return paths


def _routes() -> dict[str, Any]:
    return {
        "/healthz": {"get": _get("Whether the process is alive", "Health", open_to_all=True)},
        "/readyz": {"get": _readyz()},
        "/metrics": {"get": _text("Counters for Prometheus", "text/plain")},
        "/": {"get": _text("The page", "text/html", open_to_all=True)},
        "/v1/info": {"get": _get("What this service is", "Info", errors=(401, 429), open_to_all=True)},
        "/v1/openapi.json": {"get": _get("This document", "Document", open_to_all=True)},
        "/v1/realtime": {
            "get": {
                "summary": "The realtime protocol, over a websocket",
                "operationId": "realtime",
                "parameters": [_query(name) for name in ("model", "assistant", "call_id", "intent")],
                "responses": {"426": _ERROR},
            }
        },
        "/v1/realtime/client_secrets": {"post": _client_secrets()},
        "/v1/realtime/calls": {"post": _calls()},
        "/v1/realtime/calls/{call_id}": {"post": _second_offer()},
        "/v1/realtime/calls/{call_id}/hangup": {"post": _on_call("End a call", "hangup", {"200": _OK})},
        "/v1/realtime/calls/{call_id}/accept": {"post": _on_call("For SIP calls only", "accept", {})},
        "/v1/realtime/calls/{call_id}/reject": {"post": _on_call("For SIP calls only", "reject", {})},
        "/v1/realtime/calls/{call_id}/refer": {"post": _on_call("For SIP calls only", "refer", {})},
    }


_OK = {"description": "Done"}
_OFFER = {"type": "string", "pattern": "^v=0", "description": "SDP (RFC 8866)"}


def _readyz() -> dict[str, Any]:
    described = _get("Whether it takes another conversation", "Ready", open_to_all=True)
    described["responses"]["503"] = {**described["responses"]["200"], "headers": _RETRY_AFTER}
    return described


def _get(summary: str, schema: str, *, errors: tuple[int, ...] = (), open_to_all: bool = False) -> dict[str, Any]:
    said = {
        "description": summary,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }
    return {
        "summary": summary,
        "operationId": schema.lower(),
        **({"security": []} if open_to_all else {}),
        "responses": {"200": said, **_errors(*errors)},
    }


def _text(summary: str, media_type: str, *, open_to_all: bool = False) -> dict[str, Any]:
    said = {"description": summary, "content": {media_type: {"schema": {"type": "string"}}}}
    return {
        "summary": summary,
        "operationId": summary.split()[0].lower() + "_" + media_type.rpartition("/")[2],
        **({"security": []} if open_to_all else {}),
        "responses": {"200": said, **({} if open_to_all else _errors(400, 401, 403, 429))},
    }


def _client_secrets() -> dict[str, Any]:
    return {
        "summary": "Make a client secret for a browser",
        "operationId": "client_secrets",
        "parameters": [_query("assistant")],
        "requestBody": {
            "required": False,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ClientSecretRequest"}}},
        },
        "responses": {
            "200": {
                "description": "The secret, shown once",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ClientSecret"}}},
            },
            **_errors(400, 401, 403, 404, 408, 413, 429),
        },
    }


def _calls() -> dict[str, Any]:
    multipart = {
        "type": "object",
        "required": ["sdp"],
        "properties": {"sdp": _OFFER, "session": {"$ref": "#/components/schemas/Session"}},
    }
    return {
        "summary": "Begin a call over WebRTC",
        "operationId": "calls",
        "parameters": [_query("assistant"), _query("model")],
        "requestBody": {
            "required": True,
            "content": {
                "application/sdp": {"schema": _OFFER},
                "multipart/form-data": {
                    "schema": multipart,
                    "encoding": {
                        "sdp": {"contentType": "application/sdp"},
                        "session": {"contentType": "application/json"},
                    },
                },
            },
        },
        "responses": {
            "201": {
                "description": "The answer",
                "headers": {"Location": {"schema": {"type": "string"}, "description": "ends in the call's id"}},
                "content": {"application/sdp": {"schema": {"type": "string"}}},
            },
            **_errors(400, 401, 403, 404, 408, 413, 415, 429, 500, 501, 502, 503),
        },
    }


def _second_offer() -> dict[str, Any]:
    answered = {"200": {"description": "The answer", "content": {"application/sdp": {"schema": {"type": "string"}}}}}
    described = _on_call("Give a call a second offer: its client's network has changed", "renegotiate", answered)
    described["requestBody"] = {"required": True, "content": {"application/sdp": {"schema": _OFFER}}}
    described["responses"].update(_errors(408, 413, 415, 500, 502, 503))
    return described


def _on_call(summary: str, verb: str, well: dict[str, Any]) -> dict[str, Any]:
    shape = {"type": "string", "pattern": "^rtc_[0-9a-f]{32}$"}
    call_id = {"name": "call_id", "in": "path", "required": True, "schema": shape}
    responses = {**well, **_errors(400, 401, 403, 404, 429)}
    return {"summary": summary, "operationId": verb, "parameters": [call_id], "responses": responses}


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(status): _ERRORS_OF_THEIR_OWN.get(status, _ERROR) for status in statuses}


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def _schemas() -> dict[str, Any]:
    text, whole, flag = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
    error = _object(["type", "code", "message"], type=text, code=text, message=text, param={"type": ["string", "null"]})
    assistant = _object(
        ["name", "description", "voice", "tools"],
        name=text,
        description=text,
        voice=text,
        tools={"type": "array", "items": text},
    )
    seconds = {"type": "integer", "minimum": 10, "maximum": 7200, "default": 600}
    anchor = {"type": "string", "enum": ["created_at"]}
    return {
        "Error": _object(["error"], error=error),
        "Health": _object(["status"], status=text),
        "Ready": _object(["ready", "reason"], ready=flag, reason=text),
        "Document": {"type": "object"},
        "Info": _object(
            ["version", "engine", "auth", "webrtc", "assistants", "default_assistant"],
            version=text,
            engine=text,
            auth={"type": "string", "enum": ["none", "key"]},
            webrtc=flag,
            assistants={"type": "array", "items": assistant},
            default_assistant=text,
        ),
        "Session": {
            "type": "object",
            "description": "Settings of the realtime protocol's session object.",
            "required": ["type"],
            "properties": {"type": {"type": "string", "enum": ["realtime", "transcription"]}},
        },
        "ClientSecretRequest": {
            "type": "object",
            "properties": {
                "expires_after": {"type": "object", "properties": {"anchor": anchor, "seconds": seconds}},
                "session": {"$ref": "#/components/schemas/Session"},
                "voice": {
                    "type": "object",
                    "description": "An extension: for how many conversations the secret is.",
                    "properties": {"uses": {"type": "integer", "minimum": 1, "maximum": 1_000_000}},
                },
            },
        },
        "ClientSecret": _object(
            ["value", "expires_at", "session"],
            value={"type": "string", "pattern": "^ek_"},
            expires_at=whole,
            session={"type": "object", "required": ["id", "object", "type"]},
        ),
    }
