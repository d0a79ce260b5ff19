"""The report: a study as one self-contained page."""
