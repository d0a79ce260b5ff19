"""The rows of the benchmark, in the order of the page; each file has a TITLE and `lines(setup)`."""

NAMES = "matrix commons grid coins calvano gradient ippo branches coalitions step speech".split()
NAMES += "ledger scaling memory start".split()
