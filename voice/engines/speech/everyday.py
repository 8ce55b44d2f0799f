"""What people say to an assistant that keeps time, counts, converts, remembers and chats: phrases to expect.

A short list is worth more than a long one: every phrase that is expected can also be heard where it was not said.
"""

from __future__ import annotations

EVERYDAY_PHRASES: tuple[str, ...] = (
    # greetings and manners
    "(hello|hi|hey|good morning|good afternoon|good evening) [there]",
    "(hello|hi) [there] are you there",
    "how are you [today|doing]",
    "(thank you|thanks) [very much|so much|a lot]",
    "(goodbye|bye|bye bye|good night)",
    "(thank you|thanks) (goodbye|bye)",
    "(yes|no|okay|right|sure) [please]",
    "what is your name",
    "who are you",
    "what can you do [for me]",
    "[can you] help [me]",
    # steering the talk
    "(stop|be quiet|never mind|nevermind|cancel|wait|go on|continue|pause|resume)",
    "[can you] [please] repeat (that|it) [please]",
    "[can you] say that again [please]",
    "what did you say",
    # clock and calendar
    "[can you tell me] what time is it [now]",
    "[can you] tell me the time [please]",
    "what is the time [now]",
    "what (day|date) is it [today|tomorrow]",
    "what is (today's date|the date [today])",
    "what day of the week is it",
    # timers
    "[please] (set|start) (a|another) timer for <duration> [please]",
    "[please] (set|start) (a|an) <duration> timer",
    "timer for <duration>",
    "remind me in <duration>",
    "how (much time|long) is left [on (the|my) timer]",
    "how much time do i have left",
    "(cancel|stop|pause|resume|clear) [the|my|all] (timer|timers)",
    "(list|show|what are) my timers",
    "when (is|does) (the|my) timer (done|end)",
    # sums
    "what is <small> (plus|minus|times|divided by) <small>",
    "(how much is|calculate) <small> (plus|minus|times|divided by) <small>",
    "what is <small> percent of <number>",
    "what is the square root of <number>",
    # units
    "how many (inches|feet|yards|meters) are [there] in (a|one|<small>) "
    "(foot|feet|yard|yards|mile|miles|kilometer|kilometers)",
    "how many (grams|ounces|pounds) are in (a|an|one|<small>) (ounce|ounces|pound|pounds|kilogram|kilograms)",
    "how many (seconds|minutes|hours|days) are in (a|an|one|<small>) "
    "(minute|minutes|hour|hours|day|days|week|weeks|year)",
    "how many (cups|pints|liters) are in (a|one|<small>) (gallon|gallons|liter|liters)",
    "convert <small> (miles|kilometers|meters|feet|inches|centimeters|pounds|kilograms) [in] to "
    "(miles|kilometers|meters|feet|inches|centimeters|pounds|kilograms)",
    "(convert|what is) <number> degrees (fahrenheit|celsius) (in|to) (fahrenheit|celsius)",
    # games and chat
    "tell me (a|another) (joke|story|riddle)",
    "(flip|toss) a coin",
    "roll (a|the) (die|dice)",
    "pick a number between <small> and <small>",
    # things it has to say no to, so that it hears them at all
    "what is the weather [like] [today|tomorrow]",
    "what (do you remember|are my notes)",
)  # fmt: skip
"""Spoken American English. For `Recogniser.start(phrases=...)`."""
