"""Bridges to other libraries and to other people's recordings."""

from typing import TYPE_CHECKING

from .audit import Audit as Audit
from .audit import audit as audit
from .columns import Columns as Columns
from .conversation import Conversations as Conversations
from .conversation import from_trace as from_trace
from .diplomacy import read_diplomacy as read_diplomacy
from .jaxmarl_view import JaxMARLView as JaxMARLView
from .own import trace_of as trace_of
from .recordings import Recordings as Recordings
from .recordings import read_recordings as read_recordings
from .recordings import read_table as read_table
from .recordings import to_traces as to_traces
from .source import audit_any as audit_any
from .source import read_any as read_any
from .spans import read_spans as read_spans
from .talk import Talk as Talk
from .talk import audit_talk as audit_talk
from .who_and_when import read_histories as read_histories
from .who_and_when import read_messages as read_messages

if TYPE_CHECKING:
    from .pettingzoo_view import aec_env as aec_env
    from .pettingzoo_view import parallel_env as parallel_env


def __getattr__(name: str):
    if name not in ("aec_env", "parallel_env"):  # these alone need an outside library
        raise AttributeError(f"module 'commonweal.interop' has no attribute {name!r}")
    from . import pettingzoo_view

    return getattr(pettingzoo_view, name)
