"""What was heard, held against what the model was told was heard: interruptions over four kinds of line."""
