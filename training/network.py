"""The network: Llama, with products in bf16 and everything else in f32."""

import math

import torch
import torch.nn.functional as F

VOCABULARY, WIDTH, LAYERS, HEADS, INNER, CONTEXT = 8192, 256, 6, 4, 704, 512
HEAD = WIDTH // HEADS
EPSILON = 1e-5
THETA = 10000.0
BF16 = torch.bfloat16

torch._dynamo.config.cache_size_limit = 64

# Names as Hugging Face stores them; shapes are [output, input].
MATRICES = {
    "self_attn.q_proj": (WIDTH, WIDTH),
    "self_attn.k_proj": (WIDTH, WIDTH),
    "self_attn.v_proj": (WIDTH, WIDTH),
    "self_attn.o_proj": (WIDTH, WIDTH),
    "mlp.gate_proj": (INNER, WIDTH),
    "mlp.up_proj": (INNER, WIDTH),
    "mlp.down_proj": (WIDTH, INNER),
}
# What a block adds begins at zero, so that the first steps see the embeddings alone.
SILENT_AT_FIRST = ("self_attn.o_proj", "mlp.down_proj")
NORMS = ("input_layernorm", "post_attention_layernorm")


def weight(layer, name):
    return f"model.layers.{layer}.{name}.weight"


def fresh_weights():
    weights = {
        "model.embed_tokens.weight": torch.randn(VOCABULARY, WIDTH) * 0.02,
        "model.norm.weight": torch.ones(WIDTH),
    }
    for layer in range(LAYERS):
        for name, shape in MATRICES.items():
            scale = 0.0 if name in SILENT_AT_FIRST else 1 / math.sqrt(shape[1])
            weights[weight(layer, name)] = torch.randn(shape) * scale
        for name in NORMS:
            weights[weight(layer, name)] = torch.ones(WIDTH)
    return weights


def rotations():
    """Cosines and sines of the rotary positions, each [CONTEXT, HEAD / 2] (Su et al., 2021)."""
    frequencies = THETA ** (-torch.arange(0, HEAD, 2).float() / HEAD)
    angles = torch.outer(torch.arange(CONTEXT).float(), frequencies)
    return angles.cos(), angles.sin()


COS, SIN = rotations()
FUTURE = torch.full((CONTEXT, CONTEXT), float("-inf")).triu(1)


def normalized(x, gain):
    """RMSNorm (Zhang and Sennrich, 2019), rounded for the product that follows."""
    return (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * gain).to(BF16)


def rotated(x, cos, sin):
    first, second = x[..., : HEAD // 2].float(), x[..., HEAD // 2 :].float()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1).to(BF16)


def attend(q, k, v, future):
    scores = (q @ k.transpose(-1, -2)).float() / math.sqrt(HEAD) + future
    return F.softmax(scores, -1).to(BF16) @ v


def block(x, attention_norm, mlp_norm, qkv, output, gate_up, down, cos, sin, rows: int):
    """One layer over `rows` texts of equal length: x is [rows * length, WIDTH]."""
    length = cos.shape[0]
    heads = F.linear(normalized(x, attention_norm), qkv).view(rows, length, 3, HEADS, HEAD)
    q, k, v = (part.transpose(1, 2) for part in heads.unbind(2))
    q, k = rotated(q, cos, sin), rotated(k, cos, sin)
    # The first half needs none of the second's keys: a quarter of the products less, and on processors
    # faster than the fused attention of PyTorch, whose backward pass is slow in bf16.
    half = (length + 1) // 2
    early = attend(q[:, :, :half], k[:, :, :half], v[:, :, :half], FUTURE[:half, :half])
    late = attend(q[:, :, half:], k, v, FUTURE[half:length, :length])
    y = torch.cat([early, late], 2).transpose(1, 2).reshape(rows * length, WIDTH)
    x = x + F.linear(y, output)
    gate, up = F.linear(normalized(x, mlp_norm), gate_up).split(INNER, -1)
    inner = (F.silu(gate.float()) * up.float()).to(BF16)
    return x + F.linear(inner, down)


compiled_block = torch.compile(block, dynamic=True)


@torch.compile(dynamic=True)
def loss_and_gradient(logits, targets, shares):
    """The cross-entropy of [n, VOCABULARY] logits, and its gradient in their place."""
    logits = logits.float()
    highest = logits.amax(-1, keepdim=True)
    exponentials = (logits - highest).exp()
    total = exponentials.sum(-1, keepdim=True)
    of_targets = logits.gather(-1, targets[:, None]).squeeze(-1)
    loss = (highest + total.log()).squeeze(-1) - of_targets
    hit = torch.arange(logits.shape[1])[None, :] == targets[:, None]
    gradient = (exponentials / total - hit.float()) * shares[:, None]
    return (loss * shares).sum(), gradient.to(BF16)


class Loss(torch.autograd.Function):
    """The head and its loss, 512 positions at a time, so that their logits stay in the processor's cache."""

    @staticmethod
    def forward(context, hidden, embeddings, targets, shares):
        of_hidden, of_embeddings = torch.empty_like(hidden), torch.zeros(embeddings.shape)
        total = torch.zeros(())
        for begin in range(0, hidden.shape[0], 512):
            part = slice(begin, begin + 512)
            loss, gradient = loss_and_gradient(hidden[part] @ embeddings.T, targets[part], shares[part])
            total += loss
            of_hidden[part] = gradient @ embeddings
            of_embeddings += gradient.T @ hidden[part]
        context.save_for_backward(of_hidden, of_embeddings)
        return total

    @staticmethod
    def backward(context, scale):
        of_hidden, of_embeddings = context.saved_tensors
        return of_hidden * scale.to(BF16), of_embeddings * scale, None, None


class Network:
    """Weights by name, in f32; products are made with copies in bf16."""

    def __init__(self, weights):
        self.weights = {name: value.float().clone().requires_grad_() for name, value in weights.items()}
        self.round()

    def round(self):
        """Copies the weights for the products: again after each change."""
        w = self.weights
        self.embeddings = w["model.embed_tokens.weight"].to(BF16)
        self.layers = []
        for layer in range(LAYERS):
            join = lambda *names: torch.cat([w[weight(layer, name)] for name in names]).to(BF16)
            norms = [w[weight(layer, name)] for name in NORMS]
            qkv = join("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
            self.layers.append(
                (*norms, qkv, join("self_attn.o_proj"), join("mlp.gate_proj", "mlp.up_proj"), join("mlp.down_proj"))
            )

    def hidden(self, ids, run):
        """What the head sees, [rows * length, WIDTH], of ids [rows, length]."""
        rows, length = ids.shape
        x = F.embedding(ids.flatten(), self.weights["model.embed_tokens.weight"])
        for layer in self.layers:
            x = run(x, *layer, COS[:length], SIN[:length], rows)
        return normalized(x, self.weights["model.norm.weight"])

    def loss(self, ids, targets, shares):
        """Σ shares · −log p(target); positions without a target have no share."""
        self.round()
        return Loss.apply(self.hidden(ids, compiled_block), self.embeddings, targets.flatten(), shares.flatten())
