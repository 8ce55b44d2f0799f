"""What a scripted model does when it is asked for a response: a function of what it believes, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["user", "assistant", "system", "call", "output", "other"]
Meaning = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Believed:
    """One item of the conversation as the model believes it.

    `text` is what was said or written, of an assistant's item only what was generated and not cut away again; the
    arguments of a call; what a call answered. `name` is a call's function.
    """

    kind: Kind
    text: str
    name: str = ""
    call_id: str = ""
    item_id: str = ""

    @property
    def meaning(self) -> Meaning:
        """What is left when ids, and whether it was spoken or written, do not matter."""
        return (self.kind, self.name, self.text)


Belief = tuple[Believed, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a response is asked for with: the belief, and what `response.create` says for this response alone."""

    belief: Belief
    instructions: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def last_words(self) -> str:
        """The newest thing that the person said or wrote."""
        return next((item.text for item in reversed(self.belief) if item.kind == "user"), "")

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the functions answered since the person last spoke, oldest first."""
        found: list[str] = []
        for item in reversed(self.belief):
            if item.kind == "user":
                break
            if item.kind == "output":
                found.append(item.text)
        return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class FunctionWish:
    """A call of one of the assistant's functions; `arguments` is JSON text."""

    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One response: messages said one after the other, then function calls.

    The first sound comes `think_ms` after the response was asked for and is generated `speed` times as fast as it
    sounds; each word of `messages` lasts `word_ms`.
    """

    messages: tuple[str, ...] = ()
    calls: tuple[FunctionWish, ...] = ()
    think_ms: float = 100.0
    speed: float = 4.0
    word_ms: int = 200


Mind = Callable[[Asked], Reply]
Answer = str | FunctionWish | Reply | Callable[[Asked], Reply]


def answers(by_words: Mapping[str, Answer], otherwise: Answer = "I did not understand") -> Mind:
    """A mind that looks the person's last words up, and speaks what the functions it called have answered."""

    def think(asked: Asked) -> Reply:
        if asked.outputs:
            return Reply((" ".join(asked.outputs),))
        return _reply(by_words.get(asked.last_words, otherwise), asked)

    return obedient(think)


def obedient(mind: Mind) -> Mind:
    """A mind that says, word for word, what a response's own instructions tell it to say.

    `voice` asks so for greetings, reminders and apologies, with the words in the metadata.
    """

    def think(asked: Asked) -> Reply:
        words = asked.metadata.get("voice.say")
        return Reply((words,)) if words else mind(asked)

    return think


def _reply(answer: Answer, asked: Asked) -> Reply:
    match answer:
        case str():
            return Reply((answer,))
        case FunctionWish():
            return Reply(calls=(answer,))
        case Reply():
            return answer
        case _:
            return answer(asked)
