"""The embedded engine: a Realtime server in this process, made of a recogniser, a brain and a speaker."""
