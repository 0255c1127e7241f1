"""Rules for what reads windows and normalises: convolutions, pools, products with weights, norms, resizing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netdsl.interchange.torch.writing import Given, Unsaid

if TYPE_CHECKING:
    from collections.abc import Callable


def convolution(given: Given) -> None:
    """conv1d, conv2d, conv3d, convolution."""
    x, weight = given.ref("input"), given.ref("weight")
    dims = given.dims(weight)
    rank = len(dims) - 2
    if len(given.dims(x)) != rank + 2:
        raise Unsaid("what it reads has no batch")
    dilation = given.ints("dilation", rank, (1,))
    padding = given.value("padding", 0)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, dims[2:], strict=True)]
        pads = tuple([one // 2 for one in total] + [one - one // 2 for one in total])
    else:
        pads = (() if padding == "valid" else given.ints("padding", rank, (0,))) * 2 or (0,) * (2 * rank)
    given.last(
        "Conv",
        x,
        weight,
        given.maybe("bias"),
        kernel_shape=dims[2:],
        strides=given.ints("stride", rank, (1,)),
        pads=pads,
        dilations=dilation,
        group=given.int("groups", 1),
    )


def either(given: Given) -> None:
    """convolution, which may be transposed."""
    (transposed if given.flag("transposed") else convolution)(given)


def transposed(given: Given) -> None:
    """conv_transpose1d, 2d, 3d."""
    weight = given.ref("weight")
    dims = given.dims(weight)
    rank = len(dims) - 2
    given.last(
        "ConvTranspose",
        given.ref("input"),
        weight,
        given.maybe("bias"),
        kernel_shape=dims[2:],
        strides=given.ints("stride", rank, (1,)),
        pads=given.ints("padding", rank, (0,)) * 2,
        dilations=given.ints("dilation", rank, (1,)),
        output_padding=given.ints("output_padding", rank, (0,)),
        group=given.int("groups", 1),
    )


def linear(given: Given) -> None:
    """linear: of any rank, on the last axis."""
    if len(given.dims(given.ref("input"))) < 2:
        raise Unsaid("what it reads has no batch")
    given.last("Gemm", given.ref("input"), given.ref("weight"), given.maybe("bias"), transB=1)


def addmm(given: Given) -> None:
    """addmm: beta · self + alpha · mat1 mat2."""
    parts = given.ref("mat1"), given.ref("mat2"), given.ref("self")
    given.last("Gemm", *parts, alpha=given.float("alpha", 1), beta=given.float("beta", 1))


def batch_norm(given: Given) -> None:
    """batch_norm and its forms for inference."""
    if given.flag("training") or not given.has("running_mean") or not given.has("running_var"):
        raise Unsaid("it normalises by the batch that it sees, in inference too")
    given.last(
        "BatchNormalization",
        given.ref("input"),
        *_affine(given),
        given.ref("running_mean"),
        given.ref("running_var"),
        epsilon=given.float("eps", 1e-5),
        share=given.float("momentum", 0.1),
    )


def _affine(given: Given) -> tuple[str, str]:
    """The factors and offsets of a norm: none where it has neither, else both."""
    weight, bias = given.maybe("weight"), given.maybe("bias")
    if not weight and not bias:
        return "", ""
    sizes = given.dims(weight or bias)
    return weight or given.writing.filled(sizes, 1), bias or given.writing.filled(sizes, 0)


def instance_norm(given: Given) -> None:
    """instance_norm; by statistics that it keeps it is what batch_norm is in inference."""
    if not given.flag("use_input_stats", True):
        batch_norm(given)
    else:
        eps = given.float("eps", 1e-5)
        given.last("InstanceNormalization", given.ref("input"), *_affine(given), epsilon=eps, learned=1)


def group_norm(given: Given) -> None:
    """group_norm, native_group_norm."""
    groups = given.int("num_groups", given.int("group", 1))
    eps = given.float("eps", 1e-5)
    given.last("GroupNormalization", given.ref("input"), *_affine(given), num_groups=groups, epsilon=eps)


def layer_norm(given: Given) -> None:
    """layer_norm, native_layer_norm."""
    axis, eps = -len(given.ints("normalized_shape")), given.float("eps", 1e-5)
    given.last("LayerNormalization", given.ref("input"), *_affine(given), axis=axis, epsilon=eps, learned=1)


def rms_norm(given: Given) -> None:
    """rms_norm; without eps that of the kind of numbers."""
    x, over = given.ref("input"), given.ints("normalized_shape")
    scale = given.maybe("weight") or given.writing.filled(over, 1)
    how = {"axis": -len(over), "epsilon": given.float("eps", 1.1920928955078125e-07)}
    given.last("RMSNormalization", x, scale, learned=int(given.has("weight")), **how)


def pool(kind: str, rank: int) -> Callable[[Given], None]:
    """max_pool and avg_pool of some rank."""

    def rule(given: Given) -> None:
        x = given.ref("self")
        if len(given.dims(x)) != rank + 2:
            raise Unsaid("what it reads has no batch")
        kernel = given.ints("kernel_size", rank)
        how: dict[str, Any] = {
            "kernel_shape": kernel,
            "strides": given.ints("stride", rank, kernel),
            "pads": given.ints("padding", rank, (0,)) * 2,
            "ceil_mode": int(given.flag("ceil_mode")),
        }
        if kind == "MaxPool":
            how["dilations"] = given.ints("dilation", rank, (1,))
        else:
            how["count_include_pad"] = int(given.flag("count_include_pad", True))
        if given.has("divisor_override"):
            raise Unsaid("it divides by a number of its own")
        given.last(kind, x, **how)

    return rule


def adaptive(kind: str, rank: int) -> Callable[[Given], None]:
    """adaptive_avg_pool and adaptive_max_pool of some rank."""

    def rule(given: Given) -> None:
        x = given.ref("self")
        dims, out = given.dims(x), given.gives[-rank:]
        if len(dims) != rank + 2:
            raise Unsaid("what it reads has no batch")
        if out == dims[-rank:]:
            given.same(x)
        elif set(out) == {1}:
            given.last(f"Global{kind}", x)
        else:
            given.last(f"Adaptive{kind}", x, output_size=out)

    return rule


def resize(mode: str, rank: int) -> Callable[[Given], None]:
    """upsample_nearest1d and its kin."""

    def rule(given: Given) -> None:
        x = given.ref("input") if given.has("input") else given.ref("self")
        before, after = given.dims(x), given.gives
        where = "asymmetric" if mode == "nearest" else "half_pixel"
        if given.flag("align_corners"):
            where = "align_corners"
        how: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": where}
        if mode == "nearest":
            how["nearest_mode"] = "floor"
        if mode == "cubic":
            how["cubic_coeff_a"] = -0.75
        scales = _scales(given, rank)
        plain = tuple([b / a for a, b in zip(before[-rank:], after[-rank:], strict=True)])
        if scales and scales != plain:  # positions follow from the factor that was given
            raise Unsaid(f"its factor {scales[0]:g} does not divide {'x'.join(map(str, before[-rank:]))} evenly")
        if all(one.is_integer() for one in plain):
            given.last("Resize", x, "", given.writing.factors((1, 1, *plain)), **how)
        else:
            given.last("Resize", x, "", "", given.writing.whole(*after), **how)

    return rule


def _scales(given: Given, rank: int) -> tuple[float, ...]:
    """The factors that a call names, under one of the names that they have."""
    several = given.value("scale_factors")
    if isinstance(several, tuple):
        return tuple([float(one) for one in several if isinstance(one, int | float)])
    names = ("scales",) if rank == 1 else ("scales_d", "scales_h", "scales_w")[-rank:]
    return tuple([given.float(name, 1) for name in names]) if given.has(names[-1]) else ()


RULES: Mapping[str, Callable[[Given], None]] = {
    **{f"conv{rank}d": convolution for rank in (1, 2, 3)},
    "convolution": either,
    "_convolution": either,
    **{f"conv_transpose{rank}d": transposed for rank in (1, 2, 3)},
    "linear": linear,
    "addmm": addmm,
    "batch_norm": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm,
    "native_batch_norm": batch_norm,
    "cudnn_batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "group_norm": group_norm,
    "native_group_norm": group_norm,
    "layer_norm": layer_norm,
    "native_layer_norm": layer_norm,
    "rms_norm": rms_norm,
    **{f"max_pool{rank}d": pool("MaxPool", rank) for rank in (1, 2, 3)},
    **{f"max_pool{rank}d_with_indices": pool("MaxPool", rank) for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": pool("AveragePool", rank) for rank in (1, 2, 3)},
    **{f"adaptive_avg_pool{rank}d": adaptive("AveragePool", rank) for rank in (1, 2, 3)},
    **{f"_adaptive_avg_pool{rank}d": adaptive("AveragePool", rank) for rank in (2, 3)},
    **{f"adaptive_max_pool{rank}d": adaptive("MaxPool", rank) for rank in (1, 2, 3)},
    **{f"upsample_nearest{rank}d": resize("nearest", rank) for rank in (1, 2, 3)},
    "upsample_linear1d": resize("linear", 1),
    "upsample_bilinear2d": resize("linear", 2),
    "upsample_trilinear3d": resize("linear", 3),
    "upsample_bicubic2d": resize("cubic", 2),
}
