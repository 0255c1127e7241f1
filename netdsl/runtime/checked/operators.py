"""The operators that the code of a checked file may call: those that compute numbers from numbers, and do nothing else.

None of them opens a file, starts anything, or changes what is not a tensor of the network or of the call. What is not
here may be as harmless; `torch.from_file` and `torch.save`, which TorchScript has too, are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netdsl.runtime import private

_POINTWISE = """
abs absolute acos acosh add addcdiv addcmul angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan
atan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil celu clamp clamp_max clamp_min clip copysign cos cosh
deg2rad digamma div divide elu eq erf erfc erfinv exp exp2 expm1 floor floor_divide floordiv fmax fmin fmod frac ge gelu
glu greater greater_equal gt hardshrink hardsigmoid hardswish hardtanh heaviside hypot isclose isfinite isinf isnan
le leaky_relu lerp less less_equal lgamma log log10 log1p log2 log_sigmoid logaddexp logaddexp2 logical_and logical_not
logical_or logical_xor logit lt masked_fill maximum minimum mish mul multiply nan_to_num ne neg negative not_equal
positive pow prelu rad2deg real reciprocal relu relu6 remainder round rrelu rsqrt rsub selu sgn sigmoid sign silu sin
sinc sinh softplus softshrink special_expit sqrt square sub subtract tan tanh threshold trunc true_divide where xlogy
"""
_REDUCING = """
all amax amin any argmax argmin argsort bincount count_nonzero cummax cummin cumprod cumsum dist equal frobenius_norm
kthvalue log_softmax logcumsumexp logsumexp max mean median min mode nanmean nansum norm prod softmax sort std std_mean
sum topk trace unique_consecutive var var_mean
"""
_SHAPING = """
atleast_1d atleast_2d atleast_3d broadcast_tensors broadcast_to cat channel_shuffle chunk clone column_stack concat
concatenate constant_pad_nd contiguous detach diag diag_embed diagonal dsplit dstack expand expand_as flatten flip
fliplr flipud gather hsplit hstack im2col col2im index_add index_select masked_select meshgrid movedim moveaxis narrow
native_channel_shuffle one_hot pad permute pixel_shuffle pixel_unshuffle ravel reflection_pad1d reflection_pad2d
reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d reshape reshape_as roll
rot90 scatter scatter_add select slice split split_with_sizes squeeze stack swapaxes swapdims t take take_along_dim
tensor_split tile transpose tril triu type_as unbind unflatten unfold unsqueeze view view_as vsplit vstack
"""
_PRODUCTS = """
addbmm addmm addmv baddbmm bilinear bmm chain_matmul conv1d conv2d conv3d conv_transpose1d conv_transpose2d
conv_transpose3d cosine_similarity cross cdist dot einsum embedding gru inner kron linear lstm matmul
matrix_power mm multi_head_attention_forward mv outer pairwise_distance pdist rnn_relu rnn_tanh
scaled_dot_product_attention tensordot vdot
"""
_NORMALISING = """
alpha_dropout batch_norm dropout feature_alpha_dropout feature_dropout group_norm instance_norm layer_norm rms_norm
"""
_POOLING = """
adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
adaptive_max_pool3d affine_grid_generator avg_pool1d avg_pool2d avg_pool3d grid_sampler grid_sampler_2d grid_sampler_3d
max_pool1d max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices upsample_bicubic2d upsample_bilinear2d
upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d
_upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_lanczos2d_aa
_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
"""
_MAKING = """
arange bernoulli empty empty_like eye full full_like linspace logspace new_empty new_full new_ones new_zeros normal
ones ones_like rand rand_like randint randn randn_like randperm scalar_tensor tensor zeros zeros_like fill zero uniform
"""
_CONVERTING = """
to to_dense float double half bfloat16 int long bool cpu item Bool Float Int Complex FloatImplicit IntImplicit
ScalarImplicit dim ndimension numel size stride is_floating_point is_complex is_contiguous is_nonzero is_same_size
"""
_PLAIN = """
__and__ __contains__ __derive_index __getitem__ __is__ __isnot__ __not__ __or__ __range_length __xor__ append copy
extend format insert len list pop reverse _set_item warn
"""
TORCH = frozenset(
    name
    for names in (
        *(_POINTWISE, _REDUCING, _SHAPING, _PRODUCTS, _NORMALISING),
        *(_POOLING, _MAKING, _CONVERTING, _PLAIN),
        *("convolution", *(path.removeprefix("ops.aten.") for path in private.CUDNN)),
    )
    for name in names.split()
)
"""Of PyTorch's `aten`, by name; each also with a `_` behind, which does it in place."""

_PRIM = "RaiseException abs device dtype is_cuda layout max min ndim requires_grad shape"
OTHERS = frozenset([*(f"ops.prim.{name}" for name in _PRIM.split()), *private.ONEDNN])
"""TorchScript's own, and oneDNN's kernels that files for a CPU are made of."""

BUILTINS = frozenset(("bool", "float", "int", "range", "str"))
"""What is called by a bare name, and takes values alone."""

ARITHMETIC = frozenset(
    ("abs", "add", "add_", "div", "floor_divide", "mul", "mul_", "neg", "pow", "remainder", "slice", "sub", "sub_")
)
"""What gives a tensor of a tensor, and a list of a list, but may be of numbers too."""

PLACING = frozenset(("add", "div", "mul", "sub"))
"""What may be told where to put what it makes."""

NUMBERED: Mapping[str, Sequence[tuple[int, Sequence[str], Sequence[str]]]] = {
    "addmm": [(3, ["type"], [])],
    "baddbmm": [(3, ["type"], [])],
    "bmm": [(2, ["type"], [])],
    "is_contiguous": [(1, ["format"], [])],
    "log_softmax": [(2, ["type or None"], [])],
    "mm": [(2, ["type"], [])],
    "softmax": [(2, ["type or None"], [])],
    "to": [
        (1, ["type", "device"], ["Tensor"]),
        (2, ["type"], ["bool"]),
        (4, ["format"], ["bool"]),
        (5, ["format"], []),
    ],
    "to_dense": [(1, ["type or None"], [])],
    "view": [(1, ["type"], ["List"])],
}
"""Where operators take a type or an order in memory by place: what it has to be, or a value of which other type."""


def computes(name: str) -> bool:
    """Whether an operator of `aten` only computes."""
    return name in TORCH or name.removesuffix("_") in TORCH
