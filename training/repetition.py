"""Sequence-level unlikelihood (Welleck et al., 2020, arXiv:1908.04319): greedy text that repeats itself becomes less likely."""

import torch
import torch.nn.functional as F
from network import BF16, COS, FUTURE, HEAD, HEADS, INNER, SIN, WIDTH, attend, normalized, rotated

ROWS, PREFIX, LENGTH = 32, (2, 24), 64  # texts at once, the least and most tokens they begin with, tokens they are continued by
NGRAM = 4
MOST = 10.0  # of p / (1 − p), so that a certain token does not outweigh all others


class Reader:
    """Reads tokens of several texts after those it has read: what `block` does, with keys and values kept."""

    def __init__(self, network, rows, length):
        self.network, self.at = network, 0
        shape = (len(network.layers), rows, HEADS, length, HEAD)
        self.keys, self.values = torch.empty(shape, dtype=BF16), torch.empty(shape, dtype=BF16)

    def read(self, ids):
        """Probabilities of what comes after ids [rows, n]: [rows, VOCABULARY]."""
        rows, count = ids.shape
        begin, end = self.at, self.at + count
        x = F.embedding(ids, self.network.weights["model.embed_tokens.weight"])
        for index, (attention_norm, mlp_norm, qkv, output, gate_up, down) in enumerate(self.network.layers):
            heads = F.linear(normalized(x, attention_norm), qkv).view(rows, count, 3, HEADS, HEAD)
            q, k, v = (part.transpose(1, 2) for part in heads.unbind(2))
            keys, values = self.keys[index, :, :, :end], self.values[index, :, :, :end]
            keys[:, :, begin:], values[:, :, begin:] = rotated(k, COS[begin:end], SIN[begin:end]), v
            y = attend(rotated(q, COS[begin:end], SIN[begin:end]), keys, values, FUTURE[begin:end, :end])
            x = x + F.linear(y.transpose(1, 2).reshape(rows, count, WIDTH), output)
            gate, up = F.linear(normalized(x, mlp_norm), gate_up).split(INNER, -1)
            x = x + F.linear((F.silu(gate.float()) * up.float()).to(BF16), down)
        self.at = end
        last = normalized(x[:, -1], self.network.weights["model.norm.weight"])
        return F.softmax((last @ self.network.embeddings.T).float(), -1)


@torch.no_grad()
def continued(network, prefixes):
    """Greedy continuations of prefixes [rows, n]: ids [rows, n + LENGTH], and the probability of each new one [rows, LENGTH]."""
    rows, given = prefixes.shape
    reader = Reader(network, rows, given + LENGTH)
    parts, chances, ids = [prefixes], [], prefixes
    for _ in range(LENGTH):
        chance, best = reader.read(ids).max(-1)
        ids = best[:, None]
        parts.append(ids)
        chances.append(chance)
    return torch.cat(parts, 1), torch.stack(chances, 1)


def repeats(ids, given):
    """Which of the tokens after the first `given` end a run of NGRAM tokens that is there before: [rows, rest]. Nothing counts
    after the end of a text (id 0)."""
    found = torch.zeros(ids.shape[0], ids.shape[1] - given, dtype=torch.bool)
    for row, text in enumerate(ids.tolist()):
        seen = set()
        for end in range(NGRAM, len(text) + 1):
            if end > given and text[end - 1] == 0:
                break
            run = tuple(text[end - NGRAM : end])
            if end > given:
                found[row, end - 1 - given] = run in seen
            seen.add(run)
    return found


def unlikelihood(network, documents, generator, weight):
    """What `Network.loss` takes, so that its gradient is that of weight · mean of −log(1 − p) over repeating tokens."""
    given = int(generator.integers(*PREFIX)) + 1
    long_enough = generator.choice(len(documents), 4 * ROWS, replace=False)
    rows = [documents.document(index, given) for index in long_enough if documents.lengths[index] > given][:ROWS]
    prefixes = torch.stack([torch.from_numpy(row.astype("int64")) for row in rows])
    network.round()
    ids, chances = continued(network, prefixes)
    repeated = repeats(ids, given)
    # d/dz of −log(1 − p) is that of the cross-entropy times −p / (1 − p).
    shares = torch.zeros(ids.shape[0], ids.shape[1] - 1)
    shares[:, given - 1 :] = -(chances / (1 - chances)).nan_to_num(posinf=MOST).clamp(max=MOST) * repeated
    return ids[:, :-1], ids[:, 1:], shares * (weight / repeated.numel()), repeated.float().mean().item()
