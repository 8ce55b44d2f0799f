"""A model's events as a brain's."""

from __future__ import annotations

from voice.engines.stages import BrainEvent, BrainUsage, TextDelta, ToolCallDelta, ToolCallDone, ToolCallStarted
from voice.models.events import CallArguments, CallDone, CallStarted, ModelEvent, Text


def brain_event(event: ModelEvent) -> BrainEvent:
    if isinstance(event, Text):
        return TextDelta(event.text)
    if isinstance(event, CallStarted):
        return ToolCallStarted(event.call_id, event.name)
    if isinstance(event, CallArguments):
        return ToolCallDelta(event.call_id, event.text)
    if isinstance(event, CallDone):
        return ToolCallDone(event.call_id)
    return BrainUsage(event.input_tokens, event.output_tokens, event.cached_tokens)
