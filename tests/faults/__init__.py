"""Conversations in which the engine fails: nothing said is lost, nothing is done twice, nobody ends up deaf."""
