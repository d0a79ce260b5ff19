"""Language models and people as minds, and the way in and out of Inspect. Needs `commonweal[llm]`.

Names are imported when first used: Inspect imports this package in every process of its own.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .llm import LLM as LLM
    from .llm import seated as seated
    from .logs import read_eval as read_eval
    from .logs import write_eval as write_eval
    from .person import Person as Person

_HOME = {"LLM": "llm", "seated": "llm", "Person": "person", "read_eval": "logs", "write_eval": "logs"}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _HOME[name] == "logs":
        from .inspect import inspect_ai

        inspect_ai()  # says what to install
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
