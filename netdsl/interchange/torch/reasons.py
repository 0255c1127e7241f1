"""Why operators of PyTorch cannot be said that no rule is for."""

from __future__ import annotations

from collections.abc import Mapping

_TAKES = "which values it takes depends on what flows"
_RUNS = "what it runs, or how often, depends on what flows"
_CELL = "it is one step of a recurrent layer; torch.nn has the whole one, which is LSTM or GRU here"
_REASONS: Mapping[str, str] = {
    **dict.fromkeys(("embedding", "embedding_bag"), "it looks up rows by whole numbers; begin with what it gives"),
    **dict.fromkeys(("rnn_tanh", "rnn_relu"), "recurrent layers are LSTM and GRU"),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _CELL),
    **dict.fromkeys(("cond", "while_loop", "map_impl", "scan", "associative_scan"), _RUNS),
    **dict.fromkeys(("max_unpool2d", "max_unpool3d", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d"), _TAKES),
    **dict.fromkeys(("gather", "scatter", "scatter_add", "index_add", "index_put", "masked_select", "nonzero"), _TAKES),
    **dict.fromkeys(("topk", "sort", "argsort", "argmax", "argmin", "take_along_dim", "unique", "bucketize"), _TAKES),
    **dict.fromkeys(("torchvision.nms", "torchvision.roi_align", "torchvision.roi_pool"), _TAKES),
    "torchvision.deform_conv2d": "its windows follow from what flows",
    **dict.fromkeys(("rand", "randn", "rand_like", "randn_like", "bernoulli", "normal", "multinomial"), "it is random"),
    **dict.fromkeys(("item", "_local_scalar_dense"), "it takes one number out of what flows"),
    "cdist": "no layer compares each of some values with each of others by a distance",
    "affine_grid_generator": "where it looks depends on what flows",
    "unfold": "no layer lays windows side by side that overlap",
    "bilinear": "it multiplies its inputs with each other by a weight of three axes",
    **dict.fromkeys(
        ("stft", "istft", "_fft_r2c", "_fft_c2c", "_fft_c2r", "fft_rfft", "fft_fft2"), "no layer is a Fourier transform"
    ),
    **dict.fromkeys(
        ("fft_fft", "fft_ifft", "fft_ifft2", "fft_rfft2", "fft_irfft", "fft_irfft2"), "no layer is a Fourier transform"
    ),
    **dict.fromkeys(("var", "std", "var_mean", "std_mean"), "it is no part of a norm that LN, IN or GN is"),
    **dict.fromkeys(("flip", "fliplr", "flipud"), "no layer turns a map the other way round"),
    "cumsum": "no layer sums up along an axis",
    "hardshrink": "it leaps, as no activation here does",
}


def why(operator: str) -> str:
    """Why no layer is an operator."""
    if operator.startswith(("quantized", "quantize", "dequantize", "fake_quantize")):
        return "it is of a quantised network; export the one in single precision that it was made of"
    return _REASONS.get(operator, "no layer does what it does")
