"""What others call the keys of a recipe, and how a line is mended that is no TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable

from netdsl.recipe import mistakes
from netdsl.recipe.recipe import KEYS
from netdsl.text.advice import Advice, perhaps
from netdsl.text.mistake import Mistake
from netdsl.text.suggest import did_you_mean
from netdsl.text.tokens import code

_ELSEWHERE = {
    "optimizer": "optimiser optim solver algorithm",
    "rate": "lr learning_rate learningrate base_lr initial_lr lr0 eta alpha",
    "momentum": "beta1",
    "decay": "weight_decay wd l2 weightdecay",
    "schedule": "scheduler lr_scheduler lr_schedule lr_policy policy",
    "factor": "gamma lr_gamma lr_factor",
    "patience": "step_size stepsize lr_step_size lr_patience steps step",
    "warmup": "warmup_epochs lr_warmup_epochs warm_up",
    "batch": "batch_size batchsize bs minibatch",
    "epochs": "epoch max_epochs num_epochs n_epochs passes",
    "augmentation": "augment augmentations transforms transform data_augmentation",
    "normalisation": "normalization normalize normalise norm",
    "ema": "ema_decay model_ema",
    "clip": "grad_clip gradient_clip clip_norm max_norm clip_grad_norm gradient_clip_val",
    "precision": "amp dtype mixed_precision",
    "seed": "random_seed random_state manual_seed",
    "validation": "val val_split validation_split valid_size val_size",
    "aux_weight": "auxweight aux aux_loss_weight",
    "balance": "class_weight class_weights balanced",
}
_OTHERS = {other: key for key, others in _ELSEWHERE.items() for other in others.split()}
_NO_KEYS = {
    "dropout": "dropout stands in the network: DROPOUT 0.5",
    "loss": "the loss follows from the network's output; netdsl train --loss names another",
    "init": "netdsl train --init says how weights begin",
    "device": "netdsl train --device says where it runs",
    "data": "netdsl train --data says what it is trained on",
    "freeze": "netdsl train --freeze says which layers stay as they are",
    "weights": "netdsl train --weights says which weights it goes on from",
    "seeds": "netdsl train --seeds trains several",
}
"""What is said elsewhere."""


def other_key(name: str) -> Mistake:
    """A key that a recipe has not."""
    known = [key.name for key in KEYS]
    plain = name.lower().replace("-", "_")
    hint = _NO_KEYS.get(plain, "")
    if not hint and (meant := _OTHERS.get(plain, "")):
        hint = perhaps(f"did you mean {meant}?", meant)
    hint = hint or did_you_mean(name, known) or f"it has {', '.join(known[:-1])} and {known[-1]}"
    return mistakes.UnknownKey(name, hint)


_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"^([ \t]*[\w-]+)[ \t]*(?::=|==|:|=>)[ \t]*", r"\1 = "),  # as YAML and others have it
    (r"^([ \t]*[\w-]+)[ \t]+(?=[^\s=])", r"\1 = "),
    (r"[;,]([ \t]*(?:#.*)?)$", r"\1"),
    (r"[ \t]//(?=[ \t])", " #"),
    (r"(?<==)([ \t]*-?)\.(?=\d)", r"\g<1>0."),
    (r"(?<==)([ \t]*-?\d+)\.(?=[ \t]*(?:#.*)?$)", r"\1.0"),
    (r"(?<==)([ \t]*\d+),(\d+)", r"\1.\2"),
    (r"(?<==)([ \t]*)(?:True|TRUE|[Yy]es|[Oo]n)\b", r"\1true"),
    (r"(?<==)([ \t]*)(?:False|FALSE|[Nn]o|[Oo]ff)\b", r"\1false"),
    (r"(?<==)([ \t]*)([A-Za-z]\w*(?:[ \t]*[,+|][ \t]*[A-Za-z]\w*)+)", lambda found: f"{found[1]}[{_list(found[2])}]"),
    (r"(?<=[=\[,])([ \t]*)(?!true\b|false\b)([A-Za-z]\w*)(?=[ \t]*(?:[,\]#]|$))", r'\1"\2"'),
    (r"(?<==)([ \t]*)\(([^()]*)\)", r"\1[\2]"),
)
"""Slips, each with what was meant; some lines have several."""


def mended(text: str, start: int) -> str:
    """Help that writes a statement anew, which begins at an offset of its source; "" where none makes it TOML."""
    line = text
    for pattern, instead in _RULES:
        line = re.sub(pattern, instead, line)
        try:
            tomllib.loads(line)
        except (ValueError, RecursionError):
            continue
        first = len(text) - len(text.lstrip())
        written = line.strip()
        return Advice(f"write {code(written)}", written, start + first, start + len(text.rstrip()))
    return ""


def _list(words: str) -> str:
    return ", ".join(f'"{word}"' for word in re.findall(r"\w+", words))
