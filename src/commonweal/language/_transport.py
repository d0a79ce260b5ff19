"""How a provider is reached: its client tries nothing again by itself, and is led to no other host."""

from collections.abc import Iterator
from typing import Any

REFUSED = "commonweal refused redirect"  # where a response keeps it


def keep_to(api: Any, *, retries: int) -> None:
    """Make the client of one of Inspect's providers try so often itself, and stay with its host.

    The clients of OpenAI, Anthropic and Groq, and all that speak as OpenAI's, are of this kind.
    """
    client: Any = getattr(api, "client", None)
    if isinstance(getattr(client, "max_retries", None), int):
        client.max_retries = retries
    for http in (client, getattr(client, "_client", None)):
        hooks = getattr(http, "event_hooks", None)
        if isinstance(hooks, dict) and _stay not in hooks["response"]:
            hooks["response"].append(_stay)


async def _stay(response: Any) -> None:
    """A redirect to another scheme, host or port is an error: what was asked, and keys, would go there."""
    if response.has_redirect_location:
        here, there = response.url, response.url.join(response.headers["location"])
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            del response.headers["location"]  # what has no location is not followed, and not tried again
            one, other = (f"{url.scheme}://{url.netloc.decode()}" for url in (here, there))
            response.extensions[REFUSED] = (
                f"the provider at {one} redirects to {other}: nothing is sent there; wanted the address that "
                f"answers, if you trust it: args={{'base_url': '{other}/...'}}"
            )


def refused(error: BaseException) -> str | None:
    """The redirect that was refused, in words, if that is what an error comes from."""
    for one in _causes(error):
        told = getattr(getattr(one, "response", None), "extensions", {}).get(REFUSED)
        if told is not None:
            return told
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
