"""The responses of one conversation: one at a time in it, some beside it."""

from __future__ import annotations

from collections.abc import Callable

from voice.engines.local.context import Context, Known
from voice.engines.local.conversation import Conversation
from voice.engines.local.outlet import Outlet
from voice.engines.local.plan import Plan, plan_response
from voice.engines.local.reply import Reply, Stages
from voice.engines.local.response import Reason, ResponseMachine
from voice.engines.local.settings import Settings
from voice.engines.local.tasks import Tasks
from voice.errors import ProtocolError
from voice.protocol.ids import Ids
from voice.protocol.settings import ResponseParams

MOST_OUT_OF_BAND = 16


class Replies:
    """Starts and stops responses. `over` hears of every response that has ended."""

    def __init__(
        self,
        *,
        stages: Stages,
        settings: Settings,
        conversation: Conversation,
        outlet: Outlet,
        tasks: Tasks,
        ids: Ids,
        known: Known,
        over: Callable[[Reply], None],
    ) -> None:
        self._stages = stages
        self._settings = settings
        self._conversation = conversation
        self._outlet = outlet
        self._tasks = tasks
        self._ids = ids
        self._known = known
        self._told_over = over
        self._active: Reply | None = None
        self._beside: dict[str, Reply] = {}

    @property
    def is_speaking(self) -> bool:
        """A response is being made in the conversation."""
        return self._active is not None

    def create(self, params: ResponseParams | None = None, event_id: str | None = None) -> Plan:
        """Begin a response. Raises ProtocolError, and then nothing has begun."""
        plan = plan_response(self._settings, params)
        self._refuse_one_too_many(plan)
        context = Context(self._conversation, self._known, plan.input)
        machine = ResponseMachine(
            self._ids.response(),
            plan,
            self._ids,
            None if plan.out_of_band else self._conversation,
            None if plan.out_of_band else self._ids.conversation,
        )
        reply = Reply(
            plan,
            machine,
            context,
            self._stages,
            self._outlet,
            self._forget,
            event_id=event_id,
            first_sound=self._voice_is_heard,
        )
        if plan.out_of_band:
            self._beside[reply.id] = reply
        else:
            self._active = reply
        reply.begin()
        reply.task = self._tasks.start(reply.run(), f"response {reply.id}")
        return plan

    def cancel(self, response_id: str | None) -> None:
        """Stop a response (None: the conversation's). Raises ProtocolError `response_cancel_not_active`."""
        reply = self._active
        if response_id is not None and (reply is None or reply.id != response_id):
            reply = self._beside.get(response_id)
        if reply is None:
            raise ProtocolError("There is no such active response.", code="response_cancel_not_active")
        reply.stop("client_cancelled")

    def interrupt(self, reason: Reason) -> None:
        """Stop the conversation's response, if there is one."""
        if self._active is not None:
            self._active.stop(reason)

    def _refuse_one_too_many(self, plan: Plan) -> None:
        if not plan.out_of_band and self._active is not None:
            raise ProtocolError(
                f"The conversation already has an active response: {self._active.id}.",
                code="conversation_already_has_active_response",
            )
        if plan.out_of_band and len(self._beside) >= MOST_OUT_OF_BAND:
            raise ProtocolError(
                f"{MOST_OUT_OF_BAND} responses outside the conversation are being made.", code="too_many_responses"
            )

    def _voice_is_heard(self) -> None:
        self._settings.voice_was_heard = True

    def _forget(self, reply: Reply) -> None:
        if self._active is reply:
            self._active = None
        self._beside.pop(reply.id, None)
        self._told_over(reply)
