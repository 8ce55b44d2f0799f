"""How the ear's idea of interruptions is learned: scenes from the tuned half of the speakers and from synthetic voices,
heard by the ear itself.

`python -m tests.benchmarks.interaction.learning` writes the weights beside the ear. It wants jax, which nothing else
here does, flite and eSpeak NG.
"""
