"""Language models and people as minds, and the way in and out of Inspect. Needs `commonweal[llm]`."""

from .llm import LLM as LLM
from .person import Person as Person
