"""The built-in model as a GGUF file: written, and read back as transformers' own classes for everything that is measured."""

import gguf
import numpy as np
import torch
from gguf.quants import dequantize, quantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM

TYPES = {
    "f32": gguf.GGMLQuantizationType.F32,
    "bf16": gguf.GGMLQuantizationType.BF16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
    "q5_1": gguf.GGMLQuantizationType.Q5_1,
    "q5_0": gguf.GGMLQuantizationType.Q5_0,
    "q4_0": gguf.GGMLQuantizationType.Q4_0,
}
# How GGUF calls them; {} is the layer.
NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "model.layers.{}.input_layernorm.weight": "blk.{}.attn_norm.weight",
    "model.layers.{}.post_attention_layernorm.weight": "blk.{}.ffn_norm.weight",
    "model.layers.{}.self_attn.q_proj.weight": "blk.{}.attn_q.weight",
    "model.layers.{}.self_attn.k_proj.weight": "blk.{}.attn_k.weight",
    "model.layers.{}.self_attn.v_proj.weight": "blk.{}.attn_v.weight",
    "model.layers.{}.self_attn.o_proj.weight": "blk.{}.attn_output.weight",
    "model.layers.{}.mlp.gate_proj.weight": "blk.{}.ffn_gate.weight",
    "model.layers.{}.mlp.up_proj.weight": "blk.{}.ffn_up.weight",
    "model.layers.{}.mlp.down_proj.weight": "blk.{}.ffn_down.weight",
}
ROTATED = ("q_proj", "k_proj")
# How GGUF calls words cut at every digit and else as GPT-2 cuts them.
PRE_TOKENIZER = "smollm"
# The tokenizer as Hugging Face describes it must be this one, since GGUF only has a name for it.
CUTS = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)


def pairs(layers):
    for ours, theirs in NAMES.items():
        for layer in range(layers if "{}" in ours else 1):
            yield ours.format(layer), theirs.format(layer)


def interleaved(matrix, heads):
    """GGUF turns neighbours, Hugging Face turns halves: rows of a head are reordered."""
    rows = matrix.shape[0]
    return matrix.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def parted(matrix, heads):
    rows = matrix.shape[0]
    return matrix.reshape(heads, rows // heads // 2, 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def write(path, weights, config, tokenizer, dtype):
    """Matrices are stored as `dtype`, norms as f32. `tokenizer` is a parsed tokenizer.json."""
    out = gguf.GGUFWriter(path, "llama")
    out.add_name("logitscope")
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_block_count(config.num_hidden_layers)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_rope_dimension_count(config.head_dim)
    out.add_rope_freq_base(config.rope_parameters["rope_theta"])
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_vocab_size(config.vocab_size)
    write_tokenizer(out, tokenizer)
    for ours, theirs in pairs(config.num_hidden_layers):
        values = weights[ours].float().numpy()
        if any(name in ours for name in ROTATED):
            values = interleaved(values, config.num_attention_heads)
        stored = TYPES[dtype] if values.ndim == 2 else TYPES["f32"]
        out.add_tensor(theirs, quantize(values, stored), raw_dtype=stored)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def write_tokenizer(out, tokenizer):
    vocabulary = tokenizer["model"]["vocab"]
    special = {token["content"] for token in tokenizer["added_tokens"]}
    tokens = sorted(vocabulary, key=vocabulary.get)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre(PRE_TOKENIZER)
    out.add_token_list(tokens)
    out.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens])
    out.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    out.add_bos_token_id(0)
    out.add_eos_token_id(0)
    out.add_add_bos_token(True)


def read(path):
    """The model in f32, as it is after quantization, and its tokenizer."""
    reader = gguf.GGUFReader(path)
    value = lambda key: reader.fields[key].contents()
    config = LlamaConfig(
        vocab_size=value("llama.vocab_size"),
        hidden_size=value("llama.embedding_length"),
        intermediate_size=value("llama.feed_forward_length"),
        num_hidden_layers=value("llama.block_count"),
        num_attention_heads=value("llama.attention.head_count"),
        num_key_value_heads=value("llama.attention.head_count_kv"),
        max_position_embeddings=value("llama.context_length"),
        rms_norm_eps=value("llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": value("llama.rope.freq_base")},
        tie_word_embeddings=True,
        bos_token_id=value("tokenizer.ggml.bos_token_id"),
        eos_token_id=value("tokenizer.ggml.eos_token_id"),
    )
    tensors = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    weights = {}
    for ours, theirs in pairs(config.num_hidden_layers):
        values = tensors[theirs]
        if any(name in ours for name in ROTATED):
            values = parted(values, config.num_attention_heads)
        weights[ours] = torch.from_numpy(np.array(values, dtype=np.float32))
    model = LlamaForCausalLM(config).eval()
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model, read_tokenizer(value)


def read_tokenizer(value):
    assert value("tokenizer.ggml.pre") == PRE_TOKENIZER
    tokens = value("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in value("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = CUTS
    tokenizer.decoder = decoders.ByteLevel()
    begin = tokens[value("tokenizer.ggml.bos_token_id")]
    tokenizer.add_special_tokens([begin])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", pair=f"{begin} $A $B", special_tokens=[(begin, value("tokenizer.ggml.bos_token_id"))]
    )
    return tokenizer
