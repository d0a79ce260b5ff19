"""The commons in NumPy: all worlds at once, tick by tick, full traces kept or only sums."""


def numpy(worlds, agents, ticks, takes, laws=0, cap=10.0, fine=3.0, keep=True):
    """A proportionally rationed pool under a cap on takes and fines for excess."""
    import numpy as np

    def play():
        shape = (ticks if keep else 1, worlds, agents)
        intent, act, pay, fines, excess = (np.zeros(shape, np.float32) for _ in range(5))
        stock = np.full(worlds, 100.0, np.float32)
        over, net, months = np.zeros(worlds, bool), 0.0, 0
        for tick in range(ticks):
            t = tick if keep else 0
            months += int((~over).sum())
            intent[t] = np.where(over[:, None], 0.0, np.float32(takes))
            act[t] = np.minimum(intent[t], cap) if laws > 0 else intent[t]
            want = np.floor(act[t])
            got = want * np.minimum(1.0, stock / np.maximum(want.sum(axis=1), 1.0))[:, None]
            pay[t] = got
            fair = np.floor((stock - np.ceil(stock / 2.0)) / agents)
            excess[t] = np.maximum(want - fair[:, None], 0.0)
            if laws > 1:
                fines[t] = -fine * excess[t]
            left = stock - got.sum(axis=1)
            gone = left < 5.0
            over |= gone
            stock = np.where(gone, 0.0, np.minimum(100.0, 2.0 * left)).astype(np.float32)
            if not keep:
                net += float((pay + fines).sum(dtype=np.float64))
        net = float((pay + fines).sum(dtype=np.float64)) if keep else net
        return {"net": net / worlds, "survival": months / worlds}

    return worlds * ticks, play
