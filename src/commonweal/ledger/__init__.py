"""The tamper-evident record: an RFC 6962 log of a stored trace, checkpoints signed with Ed25519."""

from .checkpoint import Checkpoint as Checkpoint
from .checkpoint import Key as Key
from .checkpoint import new_key as new_key
from .log import seal as seal
from .prov import to_prov as to_prov
from .receipt import check_receipt as check_receipt
from .receipt import receipt as receipt
from .verify import Finding as Finding
from .verify import verify as verify
from .words import find as find
from .words import redact as redact
from .words import redact_words as redact_words
