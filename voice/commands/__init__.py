"""One module per command: its docstring and EXAMPLES are its help, `configure` its words, `run` its work."""
