"""The report: a study as one self-contained page."""

from .pages import write_report as write_report
