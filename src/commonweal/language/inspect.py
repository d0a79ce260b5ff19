"""Inspect, imported when it is first needed: it takes a second, and is an extra."""

from types import ModuleType


def inspect_ai() -> ModuleType:
    """The package, with its `model` and `util`.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import inspect_ai
        import inspect_ai.model
        import inspect_ai.util
    except ModuleNotFoundError as error:
        raise ImportError(
            f"language models are reached through Inspect, and {error.name} is not installed; wanted "
            "the extra: pip install 'commonweal[llm]'"
        ) from None
    return inspect_ai
