"""Who did what for whom, as W3C PROV-JSON: for tools that know nothing of us.

Decisions are activities, messages and outcomes are entities, agents act on behalf of the stakeholders
whom they represent (PROV-DM, sections 5.1 to 5.3; the split of roles as in PROV-AGENT, arXiv 2508.02866).
"""

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from .canonical import canonical

if TYPE_CHECKING:
    from .._trace import Trace


def to_prov(trace: "Trace", world: int = 0) -> dict[str, Any]:
    """One world of a trace, by position, as a PROV-JSON document.

    A decision holds what was chosen (`cw:intent:CHANNEL`), what was executed (`cw:act:CHANNEL`) and the
    harm that was booked to it; one that was refused, or in a round that was not played, is none.
    """
    one = trace.worlds([world])
    card = one.card
    doc: dict[str, Any] = {"prefix": {"cw": "urn:commonweal:"}}

    def add(kind: str, name: str, **facts: Any) -> None:
        doc.setdefault(kind, {})[name] = {f"cw:{key}": value for key, value in facts.items()}

    def link(kind: str, **ends: str) -> None:
        some = doc.setdefault(kind, {})
        some[f"_:{kind}{len(some)}"] = {f"prov:{key}": f"cw:{value}" for key, value in ends.items()}

    add("entity", "cw:recipe", sha256=sha256(canonical(one.recipe).encode()).hexdigest())
    add("activity", "cw:run", seed=int(one.seeds[0]), title=card.title, invalid=one.invalid[0])
    link("used", activity="run", entity="recipe")
    for s, utility in zip(card.stakeholders, one.utility[0].sum(axis=0, dtype=float), strict=True):
        add("agent", f"cw:stakeholder/{s.name}", third_party=s.third_party)
        add("entity", f"cw:outcome/{s.name}", utility=float(utility))
        link("wasGeneratedBy", entity=f"outcome/{s.name}", activity="run")
    for i, weights in enumerate(card.represents):
        add("agent", f"cw:agent/{i}", **{name: str(x[0, i]) for name, x in one.labels.items()})
        for k in np.flatnonzero(weights):
            name = f"stakeholder/{card.stakeholders[k].name}"
            link("actedOnBehalfOf", delegate=f"agent/{i}", responsible=name)
    played = np.broadcast_to(one.alive[..., None], one.shape)
    decided = played if one.refused is None else played & ~one.refused
    for t, i in np.argwhere(decided[0]).tolist():
        facts = {f"intent:{name}": x[0, t, i].item() for name, x in one.intent.items()}
        facts |= {f"act:{name}": x[0, t, i].item() for name, x in one.act.items()}
        harms = zip(card.values, one.harm[0, t, i].tolist(), strict=True)
        facts |= {f"harm:{value.name}": harm for value, harm in harms if harm}
        add("activity", f"cw:decision/{t}/{i}", **facts)
        link("wasAssociatedWith", activity=f"decision/{t}/{i}", agent=f"agent/{i}")
        link("wasInformedBy", informed="run", informant=f"decision/{t}/{i}")
    for row, (_, t, i, channel, text) in enumerate(one.messages.iter_rows()):
        add("entity", f"cw:message/{row}", channel=channel, text=text)
        link("wasAttributedTo", entity=f"message/{row}", agent=f"agent/{i}")
        if f"cw:decision/{t}/{i}" in doc["activity"]:
            link("wasGeneratedBy", entity=f"message/{row}", activity=f"decision/{t}/{i}")
    return doc
