"""A realtime server that does what a test says, the faults it can be given, and a person to talk to it.

`server.RealtimeServer` serves a script over a real websocket; `script.ScriptedServer` is the same without sockets,
clock or chance. `faults` names everything that can go wrong. Speech is made of marked sound (`words`), so both ends
know exactly which words arrived. See `docs/howto/test-your-assistant.md`.
"""
