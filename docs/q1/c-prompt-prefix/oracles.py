"""Second routes of 1(c): tiny random models of transformers, tuned through PEFT."""

import numpy as np

VOCABULARY, PROMPT, HIDDEN = 20, 5, 16
LAYERS, WIDTH = 2, 32
TOKENS, OTHERS = [[3, 1, 4, 1, 5, 9, 2]], [[2, 7, 1, 8, 2, 8, 1]]
SHAPES = {
    "gpt2": {"n_layer": LAYERS, "n_head": 4, "n_embd": WIDTH, "n_positions": 32},
    "llama": {
        "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": WIDTH,
        "intermediate_size": 48,
    },
    "t5": {"d_model": WIDTH, "d_kv": 8, "d_ff": 48, "num_layers": LAYERS, "num_heads": 4},
}  # fmt: skip


def base(name, **settings):
    """Return a random model in evaluation mode, in float64; T5 is an encoder with a decoder."""
    import transformers

    shared = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    shared |= {"decoder_start_token_id": 0} if name == "t5" else {"initializer_range": 0.4}
    config = transformers.AutoConfig.for_model(name, **shared | SHAPES[name] | settings)
    config._attn_implementation = "eager"
    kind = transformers.AutoModelForSeq2SeqLM if name == "t5" else transformers.AutoModelForCausalLM
    transformers.set_seed(0)
    return kind.from_config(config).eval().double()


def tuned(name, method, seed=1, **settings):
    """Return a model with a prompt or a prefix of PEFT, whose trainable parameters are random normal."""
    import peft
    import torch

    config = {"prompt": peft.PromptTuningConfig, "prefix": peft.PrefixTuningConfig}[method]
    task = "SEQ_2_SEQ_LM" if name == "t5" else "CAUSAL_LM"
    given = {"task_type": task, "num_virtual_tokens": PROMPT} | settings
    network = peft.get_peft_model(base(name), config(**given)).eval().double()
    torch.manual_seed(seed)
    if "init_weights" not in settings:
        for parameter in trainable(network):
            torch.nn.init.normal_(parameter, std=0.7)
    return network


def trainable(network):
    """Return the parameters that training would change."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def count(network):
    """Return how many parameters training would change."""
    return sum(parameter.numel() for parameter in trainable(network))


def run(network, tokens=TOKENS, **options):
    """Return the output of a model for rows of tokens; T5 also gets two tokens for its decoder."""
    import torch

    if network.config.is_encoder_decoder:
        options["decoder_input_ids"] = torch.tensor([[0, 3]])
    with torch.no_grad():
        return network(torch.tensor(tokens), **options)


def plain(name, **options):
    """Return the output of a model alone, with the tokens at the places that they have behind a prefix."""
    import torch

    places = torch.arange(PROMPT, PROMPT + len(TOKENS[0]))[None]
    return run(base(name), position_ids=places, **options)


def gradient(network):
    """Return the size of the gradient of the logits' squares by each row of a soft prompt."""
    import torch

    decoder = {"decoder_input_ids": torch.tensor([[0, 3]])}
    network(input_ids=torch.tensor(TOKENS), **decoder).logits.square().sum().backward()
    return encoder(network).embedding.weight.grad.norm(dim=1)


def mlp(network):
    """Return the reparametrising network of a prefix under the names of the page's equation."""
    places = {"P_prime": "embedding", "W_1": "transform.0", "b_1": "transform.0", "W_2": "transform.2",
              "b_2": "transform.2"}  # fmt: skip
    found = {}
    for name, place in places.items():
        module = encoder(network).get_submodule(place)
        found[name] = (module.bias if name[0] == "b" else module.weight).detach().numpy()
    return found | {name: found[name].T for name in ("W_1", "W_2")}


def encoder(network):
    """Return the module of PEFT that holds the prompt or the prefix."""
    return network.prompt_encoder["default"]


def matrix(network):
    """Return the rows of the prompt or, flat, those of the prefix, as PEFT stores them; (rows, columns)."""
    return encoder(network).embedding.weight.detach().numpy()


def cached(output):
    """Return the keys and values that a run left in its cache; (layer, 2, head, position, head width)."""
    layers = output.past_key_values.layers
    return np.array([[layer.keys[0].numpy(), layer.values[0].numpy()] for layer in layers])


def flat(cache):
    """Return a cache as PEFT stores a prefix: a row a position, with layer, key or value, head and width."""
    return np.moveaxis(cache, 3, 0).reshape(cache.shape[3], -1)


def entering(network, **options):
    """Return what enters the first layer of a model of PEFT as embeddings, before positions are added."""
    found, forward = [], network.base_model.forward

    def spy(*args, **given):
        found.append(given.get("inputs_embeds"))
        return forward(*args, **given)

    network.base_model.forward = spy
    try:
        run(network, **options)
    finally:
        network.base_model.forward = forward
    return found[0]
