"""What arguments of layers are called here, in PyTorch, Keras, Caffe and Darknet: the slots that a name may fill."""

from __future__ import annotations

from functools import cache

_SLOTS = {
    "count": "filters hidden_size n f out n_out features neurons out_channels num_output num_filters nb_filter units"
    " out_features",
    "size": "kernel k kernel_size ksize kernel_shape pool_size size filter_size factor scale_factor scale"
    " upscale_factor downscale_factor block_size blocksize",
    "step": "stride",
    "s": "s stride strides subsample",
    "p": "p padding pad pads border_mode",
    "d": "d dilation dilate dilated dilation_rate dilations atrous_rate",
    "g": "g groups group",
    "groups": "groups num_groups",
    "bias": "bias use_bias bias_term qkv_bias",
    "heads": "heads num_heads nhead n_heads",
    "window": "window window_size",
    "shift": "shift shift_size",
    "width": "width key_dim head_dim dim_head kdim",
    "rate": "rate p dropout_ratio dropout_rate prob",
    "slope": "slope negative_slope alpha",
    "position": "position index",
    "number": "number factor offset scale constant value",
    "align": "align_corners aligned",
    "to": "to output_size",
    "dims": "dims shape input_shape",
    "activation": "activation activation_fn nonlinearity act",
    "batch": "batch_normalize batch_norm",
    "output_pad": "output_pad output_padding",
    "layers": "num_layers layers",
    "dropout": "dropout dropout_p attn_drop attn_dropout",
    "ceil": "ceil_mode",
    "counted": "count_include_pad",
    "both": "bidirectional",
    "sequences": "return_sequences",
    "-": "in_channels in_features input_size num_features normalized_shape input_shape inplace name data_format dtype"
    " device padding_mode kernel_initializer bias_initializer axis dim num_parameters"
    " embed_dim d_model batch_first value_dim return_indices",
}
"""What fills a slot, and what it is called, here or elsewhere; `-` is left out here."""


def slots(word: str) -> list[str]:
    """The slots that a name of an argument may mean."""
    return _meanings().get(word.lower(), [])


@cache
def _meanings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for slot, words in _SLOTS.items():
        for word in words.split():
            found.setdefault(word, []).append(slot)
    return found
