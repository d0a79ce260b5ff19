"""Bridges to other libraries and to other people's recordings."""

from .audit import Audit as Audit
from .audit import audit as audit
from .recordings import Columns as Columns
from .recordings import Recordings as Recordings
from .recordings import read_recordings as read_recordings
from .recordings import read_table as read_table
from .recordings import to_traces as to_traces
