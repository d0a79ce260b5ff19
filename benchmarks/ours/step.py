"""One step at a time from Python, everything read back: what drives language models and people."""

import jax


def drive(steps):
    """The commons with five agents: what they see, what they intend, what it brought."""
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # read when the first array is made

    import commonweal as cw
    from commonweal._drive import Drive
    from commonweal.minds import Random
    from commonweal.scenarios import Commons

    society = cw.Society(Commons(horizon=steps, collapse=0.0, assignment="proportional"), Random()).prepare()
    engine = Drive(society)
    leaves = len(jax.tree.leaves(engine.start(0)[0].world))

    def play():
        at, now = engine.start(0)
        for _ in range(steps):
            at, row, now = engine.step(at, now.intent)
            row["book"]["pay"].sum()
        return {"leaves": leaves}

    return steps, play
