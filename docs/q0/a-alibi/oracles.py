"""Second routes of 0(a): tiny random models of transformers, and their attention taken apart."""

import numpy as np

SHAPE = {"vocab_size": 20, "hidden_size": 32, "use_cache": False, "initializer_range": 0.5}
OLD_FALCON = {"alibi": True, "new_decoder_architecture": False, "multi_query": False, "parallel_attn": False}
OWN = {
    "bloom": {"n_layer": 2, "n_head": 4},
    "falcon": {"num_hidden_layers": 2, "num_attention_heads": 4, **OLD_FALCON},
    "gpt2": {"n_layer": 2, "n_head": 4, "n_embd": 32, "n_positions": 16},
}
TOKENS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]]


def angles(positions, width):
    """Return position / 10000^(2k/width), the arguments of sinusoidal embeddings; (position, width/2)."""
    return np.divide.outer(positions, 10000 ** (np.arange(0, width, 2) / width))


def model(name, implementation="eager", **settings):
    """Return a random language model of two layers and four heads, in evaluation mode, in float64."""
    import transformers

    config = transformers.AutoConfig.for_model(name, **SHAPE | OWN[name] | settings)
    config._attn_implementation = implementation
    transformers.set_seed(0)
    return transformers.AutoModelForCausalLM.from_config(config).eval().double()


def run(network, tokens=TOKENS, **options):
    """Return the output of a model for rows of tokens, with the hidden states before each layer."""
    import torch

    with torch.no_grad():
        return network(torch.as_tensor(tokens), output_hidden_states=True, **options)


def heads(layer, states):
    """Return queries, keys and values (head, position, width) of a layer of BLOOM or Falcon."""
    import torch

    attention = layer.self_attention
    with torch.no_grad():
        fused = attention.query_key_value(layer.input_layernorm(states))[0].numpy()
    rows = fused.reshape(len(fused), attention.num_heads, 3, attention.head_dim)
    return np.moveaxis(rows, 2, 0).swapaxes(1, 2)


def mixed(network):
    """Return for each layer its queries, keys and values, and the mean values its attention puts out.

    What a head puts out is what the output projection of the layer receives; shape (head, position, width).
    """
    layers, found, hooks = network.transformer.h, [], []
    for layer in layers:
        keep = layer.self_attention.dense.register_forward_pre_hook
        hooks.append(keep(lambda _, given: found.append(given[0][0].numpy())))
    states = run(network).hidden_states
    for hook in hooks:
        hook.remove()
    split = [heads(layer, state) for layer, state in zip(layers, states)]
    return [(qkv, out.reshape(len(out), len(qkv[0]), -1).swapaxes(0, 1)) for qkv, out in zip(split, found)]


def compare(trial, setting):
    """Compare the untrained models of the experiment, one for each method.

    Returns whether their parameters are equal, and by method how far the last prediction moves when the
    earlier tokens are put in the opposite order.
    """
    import torch

    text, parameters, moved = torch.arange(12)[None], [], {}
    turned = torch.cat([text[:, :-1].flip(1), text[:, -1:]], dim=1)
    for method in trial.METHODS:
        torch.manual_seed(0)
        model = trial.Model(method, 20, setting).eval()
        parameters.append(torch.cat([p.flatten() for p in model.parameters()]))
        with torch.no_grad():
            moved[method] = (model(turned) - model(text))[0, -1].abs().max().item()
    return all(torch.equal(parameters[0], other) for other in parameters), moved


def one_token(trial, setting):
    """Compare positions in a text of one repeated token, in the untrained models of the experiment.

    Returns by method how far the input of the first layer differs from that at the first position, and how
    far the predictions do.
    """
    import torch

    entering, leaving = {}, {}
    for method in trial.METHODS:
        torch.manual_seed(0)
        model, found = trial.Model(method, 20, setting).eval(), []
        model.layers[0].register_forward_pre_hook(lambda _, given: found.append(given[0]))
        with torch.no_grad():
            found.append(model(torch.full((1, 12), 7)))
        entering[method], leaving[method] = ((x - x[:, :1]).abs().max().item() for x in found)
    return entering, leaving
