"""What every model of the protocol has in common: what is written, what is kept, and how a kind is chosen.

Written: a field that has a default other than None always is; one whose default is None only when somebody set it,
so that `null` and absent stay apart; the names in `nulls` are written as `null` even when nobody set them, and those
in `never_null` are not even when somebody did, because official clients need it so.

Kept: fields we do not know ride along. Towards a client we are strict. What a server says is validated with the
context `TOLERANT`, in which a value outside our vocabulary is kept as it came instead of costing us the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    Strict,
    ValidationError,
    ValidationInfo,
    WrapValidator,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticUseDefault, core_schema

TOLERANT: dict[str, bool] = {"tolerant": True}
"""Validation context for what a server says."""


class Wire(BaseModel):
    """Root of all protocol models."""

    model_config = ConfigDict(extra="allow", defer_build=True, allow_inf_nan=False, protected_namespaces=())

    nulls: ClassVar[frozenset[str]] = frozenset()
    never_null: ClassVar[frozenset[str]] = frozenset()
    written: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        defaulted = {
            name
            for name, field in cls.model_fields.items()
            if not field.is_required() and (field.default is not None or field.default_factory is not None)
        }
        cls.written = cls.nulls | defaulted

    def model_post_init(self, context: Any) -> None:
        self.model_fields_set.update(self.written)
        if self.never_null:
            self.model_fields_set.difference_update([name for name in self.never_null if getattr(self, name) is None])


def _keep(value: Any, handler: Any, info: ValidationInfo) -> Any:
    try:
        return handler(value)
    except ValidationError:
        if info.context is TOLERANT:
            return value
        raise


def _whole(value: Any, handler: Any, info: ValidationInfo) -> Any:
    if info.context is TOLERANT and isinstance(value, float) and isfinite(value):
        value = round(value)
    return handler(value)


def _filled(value: Any, handler: Any, info: ValidationInfo) -> Any:
    if value is None and info.context is TOLERANT:
        raise PydanticUseDefault
    return handler(value)


Kept = WrapValidator(_keep)
"""Marks a field whose value is kept raw when a server says something outside our vocabulary."""

Filled = WrapValidator(_filled)
"""Marks a field of which a server's `null` is the default."""

SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader holds exactly."""

Index = Annotated[int, Strict(), Field(ge=0, le=SAFE_INTEGER)]
Whole = Annotated[Index, WrapValidator(_whole)]
"""A number of ms or of things. A server's fraction is rounded."""

Count = Annotated[Whole, Filled]

Text = Annotated[str, Filled]

Flag = Annotated[bool, Strict()]
Number = Annotated[float, Strict()]


class OneOf:
    """Annotation: the value is one of several models, chosen by the text in its field `tag`.

    Chooses by one look-up and builds only the model it needs. Without the tag, or with a word it does not know, a
    client is refused at that field; a server's value becomes an `unknown` model that carries it whole.
    """

    def __init__(
        self,
        tag: str,
        kinds: Mapping[str, type[Wire] | OneOf],
        *,
        unknown: type[Wire],
        absent: type[Wire] | None = None,
    ) -> None:
        self.tag = tag
        self.kinds = kinds
        self.unknown = unknown
        self.absent = absent
        self.models = self._models()

    def _models(self) -> tuple[type[Wire], ...]:
        models: list[type[Wire]] = [self.unknown]
        for kind in self.kinds.values():
            models.extend(kind.models if isinstance(kind, OneOf) else [kind])
        return tuple(models)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._validate)

    def _validate(self, value: Any, info: core_schema.ValidationInfo) -> Wire:
        if isinstance(value, self.models):
            return value
        tolerant = info.context is TOLERANT
        if not isinstance(value, dict):
            raise PydanticCustomError("object_type", "expected an object")
        if tolerant and self.absent is not None and self.tag not in value:
            return self.absent.model_validate(value, context=TOLERANT)
        try:
            return self._choose(value).model_validate(value, context=info.context)
        except ValidationError:
            if not tolerant:
                raise
            return self.unknown.model_validate(value, context=TOLERANT)

    def _choose(self, value: dict[str, Any]) -> type[Wire]:
        name = value.get(self.tag)
        kind = self.kinds.get(name) if isinstance(name, str) else None
        if isinstance(kind, OneOf):
            return kind._choose(value)
        if kind is None:
            raise self._refusal(value)
        return kind

    def _refusal(self, value: dict[str, Any]) -> ValidationError:
        wrong: Any = "missing"
        if self.tag in value:
            expected = ", ".join(f"'{name}'" for name in self.kinds)
            wrong = PydanticCustomError("kind", "expected one of {expected}", {"expected": expected})
        return ValidationError.from_exception_data(
            self.tag, [{"type": wrong, "loc": (self.tag,), "input": value.get(self.tag)}]
        )
