"""The mistakes of newcomers get a message at the right place, with a fix that they can write down."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path

import pytest

import netdsl
from netdsl import resources
from netdsl.graph.build import build
from netdsl.graph.labels import label_of
from netdsl.layers import table
from netdsl.measure import expect
from netdsl.text import elsewhere
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.parse import literal
from netdsl.text.restated import EXAMPLES
from netdsl.text.source import Source
from netdsl.text.suggest import distance
from netdsl.text.tokens import KEYWORDS


def check(text: str) -> list[Diagnostic]:
    """All that is found in a text."""
    report = Report()
    shaped = build(Source(text, "net.net"), None, report)
    if shaped is not None:
        expect.prove(shaped, report)
    return report.diagnostics()


# What a newcomer writes, the line and column of the mistake, and words of the fix.
MISTAKES = [
    ("INPUT 8x8x3 -> Conv2d(64, 3)", 1, 22, "without brackets or commas: CONV 64 3"),
    ("INPUT 8x8x3 -> MAXPOOL(2)", 1, 23, "MAXPOOL 2"),
    ("INPUT 8x8x3 -> RELU()", 1, 20, "without brackets or commas: RELU"),
    ("INPUT 8x8x3 -> conv 64 3", 1, 16, "capitals: CONV"),
    ("INPUT (224,224,3)", 1, 7, "224x224x3"),
    ("INPUT [224, 224, 3]", 1, 7, "224x224x3"),
    ("INPUT 224,224,3", 1, 10, "224x224x3"),
    ("INPUT 8x8x3 -> CONV 64, 3", 1, 23, "separated by spaces"),
    ("INPUT 8x8x3 -> CONV 64,3", 1, 23, "64 3"),
    ("INPUT 8x8x3 -> CONV 8 (3, 3)", 1, 23, "3x3"),
    ("INPUT 8x8x3 -> CONV 8 3X3", 1, 23, "write 3x3"),
    ("INPUT 8x8x3 -> CONV 8 3 * 3", 1, 25, "write 3x3 for dims, or {3 * 3}"),
    ("INPUT 8x8x3 -> CONV (4*2) 3", 1, 21, "{4*2}"),
    ("INPUT 8x8x3 -> CONV n*2 3", 1, 22, "{n * 2}"),
    ("INPUT 8x8x3 -> CONV 8 3, RELU", 1, 24, "joined by ->"),
    ("INPUT 8x8x3 -> x3 CONV 8 3", 1, 16, "behind what it repeats"),
    ("INPUT 8x8x3 -> (CONV 8 3 -> RELU) * 3", 1, 35, "x3"),
    ("INPUT 8 -> -> RELU", 1, 12, "take one away"),
    ("INPUT 8 => RELU", 1, 9, "joined by ->"),
    ("INPUT 8 --> RELU", 1, 9, "joined by ->"),
    ("INPUT 8 - > RELU", 1, 9, "joined by ->"),
    ("INPUT 8 → RELU", 1, 9, "write ->"),
    ("INPUT\t8x8x3\t→\tRELU", 1, 13, "write ->"),
    ("INPUT 8\u00a0-> RELU", 1, 8, "replace U+00A0 by a space"),
    ("INPUT 8 -> FC -> 10", 1, 18, "without an arrow"),
    ("INPUT 8x8x3 -> [SKIP, RELU] -> ADD", 1, 21, "separated by |"),
    ("INPUT 8x8x3 -> [SKIP | RELU | ] -> ADD", 1, 31, "write SKIP"),
    ("INPUT 8x8x3 -> SKIP | RELU ] -> ADD", 1, 21, "[ a | b ]"),
    ("INPUT 8x8x3 -> RELU) x3", 1, 20, "no `(` stands before it"),
    ("INPUT 8x8x3 -> (RELU] x3", 1, 21, "`(` before it is still open"),
    ("INPUT 8x8x3 -> [SKIP | RELU -> ADD", 1, 16, "close it with `]`"),
    ("INPUT 8 -> DROPOUT 0,5", 1, 21, "write 0.5"),
    ("INPUT 8 -> DROPOUT .5", 1, 20, "write 0.5"),
    ("INPUT 8 -> DROPOUT 50%", 1, 22, "write 0.5"),
    ("INPUT 8 -> FC 10_000", 1, 15, "write 10000"),
    ("INPUT 8 -> FC 1,000", 1, 16, "write 1000"),
    ("INPUT 8 -> FC 3 // comment it", 1, 17, "begins with #"),
    ("// comment\nINPUT 8 -> RELU", 1, 1, "begins with #"),
    ("INPUT 8 -> RELU @cuda:1", 1, 17, "behind the sign: @1"),
    ('network "a # b\nINPUT 8 -> RELU', 1, 9, "close the string"),
    ('network "a # b\r\nINPUT 8 -> RELU', 1, 9, "close the string"),
    ("network 'lenet'\nINPUT 8 -> RELU", 1, 9, '"lenet"'),
    ("network Le Net  # five\nINPUT 8 -> RELU", 1, 9, '"Le Net"'),
    ("use blocks.net\nINPUT 8 -> RELU", 1, 5, '"blocks.net"'),
    ('import "blocks.net"\nINPUT 8 -> RELU', 1, 1, 'use "blocks.net"'),
    ("param x: 3\nINPUT 8 -> FC x", 1, 8, "write ="),
    ("param x 3\nINPUT 8 -> FC x", 1, 9, "put ="),
    ("x = 3\nINPUT 8 -> FC x", 1, 3, "write param x = 3"),
    ("param x = 2*3\nINPUT 8 -> FC x", 1, 12, "{2 * 3}"),
    ("param x =\nINPUT 8 -> FC x", 2, 1, "the line before ends with `=`"),
    ("meta Year = 2012\nINPUT 8 -> RELU", 1, 6, "lower case: year"),
    ("block f(x) { RELU }\nINPUT 8 -> f(3)", 1, 12, "behind =, and without braces"),
    ("block f(x): RELU\nINPUT 8 -> f(3)", 1, 11, "write ="),
    ("block f x = RELU\nINPUT 8 -> f(3)", 1, 9, "in brackets: block f(x) = RELU"),
    ("block f(x,) = RELU\nINPUT 8 -> f(3)", 1, 11, "take the comma before it away"),
    ("def f(x) = FC x\nINPUT 8 -> f(3)", 1, 1, "write block f(x) = FC x"),
    ("INPUT 8 -> FC 2\nexpect params == 18", 2, 16, "write one ="),
    ("INPUT 8 -> FC 2\nexpect params is 18", 2, 18, "write expect params = 18"),
    ("INPUT 8 -> FC 2\nexpect params = 5,000", 2, 18, "write 5000"),
    ("INPUT 8 -> FC 2\nexpect params(fc1) = 18", 2, 14, "expect params of fc1"),
    ("INPUT 8 -> FC 2\nexpect fc1.params = 18", 2, 11, "expect params of fc1"),
    ("INPUT 8 -> FC 2\nexpect shape = (1, 2)", 2, 16, "1x2"),
    ("INPUT 8 -> FC 2\nassert params = 18", 2, 1, "write expect params = 18"),
    ("INPUT 8 -> a: FC 2 -> b: FC 2\noutput a b", 2, 10, "output a, b"),
    ("INPUT 8 -> a: FC 2\nreturn a", 2, 1, "write output a"),
    ("INPUT 8x8x3 -> CONV 8 3 s=2", 1, 25, "write s2"),
    ("INPUT 8x8x3 -> CONV 8 3 s 2", 1, 25, "write s2"),
    ("INPUT 8x8x3 -> CONV 8 3 stride2", 1, 25, "write s2"),
    ("INPUT 8x8x3 -> CONV 8 3 pad1", 1, 25, "write p1"),
    ("INPUT 8x8x4 -> CONV 8 3 groups_2", 1, 25, "write g2"),
    ("INPUT 8x8x3 -> MAXPOOL k2", 1, 24, "kernel is written by position: MAXPOOL 2"),
    ("INPUT 8x8x3 -> CONV 8 3 S2", 1, 25, "write s2"),
    ("INPUT 8x8x3 -> CONV 8 3 padding=same", 1, 25, "write same"),
    ("INPUT 8x8x3 -> CONV 8 3 x 3", 1, 25, "3x3 for dims"),
    ("param n = 4\nINPUT 8x8x3 -> CONV n-1 3", 2, 21, "{n-1}"),
    ("INPUT 8 -> Dense 10", 1, 12, "FC"),
    ("INPUT 8x8x3 -> BatchNorm2d", 1, 16, "BN"),
    ("INPUT 8 -> foo(32, 2)", 1, 12, "define block foo, or `use` its file"),
    ("block unit(n) = FC n\nINPUT 8 -> unti(3) -> unit(4)", 2, 12, "did you mean unit?"),
    ("INPUT 8 -> stem: FC 3 -> steam()", 1, 26, "did you mean stem?"),
    ("INPUT 8x8x3 -> conv(64, kernel_size=3, padding=1)", 1, 16, "brackets or commas: CONV 64 3 p1"),
    ("INPUT 8x8x3 -> CONV 8 3 p 1", 1, 25, "write p1, without a space"),
    ("INPUT 8x8x3 -> CONV 8 3 s {2}", 1, 25, "write s{2}"),
    ("INPUT 8x8x3 -> CONV 8 3 stride 3", 1, 25, "write s3"),
    ("INPUT 8x8x3 -> CONV 8 3 padding=1", 1, 25, "write p1"),
    ("INPUT 8x8x3 -> CONV 8 kernel_size=3", 1, 23, "kernel is written by position: CONV 8 3"),
    ("INPUT 8x8x3 -> CONV 8 kernel 3", 1, 23, "kernel is written by position: CONV 8 3"),
    ("INPUT 8x8x3 -> CONV 8 3 bias=False", 1, 25, "write nobias"),
    ("INPUT 8x8x3 -> CONV 8 3 activation=relu", 1, 25, "-> RELU"),
    ("INPUT 8x8x3 -> CONV 8 3 in_channels=3", 1, 25, "take it away"),
    ("INPUT 8x8x3 -> CONV 8 5 x 3", 1, 25, "write 5x3 for dims or x3"),
    ("INPUT 8x8x3 -> CONV 3 64 3 p1", 1, 26, "write CONV 64 3"),
    ("INPUT 8x8x3 -> FC 192 10", 1, 23, "write FC 10"),
    ("INPUT 8x8x3 -> CONV 8 3 3", 1, 25, "did you mean 3x3 or s3?"),
    ("INPUT 8x8x3 -> CONV 3x3 8", 1, 21, "write CONV 8 3x3"),
    ("INPUT 8x8x3 -> CONV 8 p1", 1, 16, "write CONV 8 kernel p1"),
    ("INPUT 8x8x3 -> BN 3", 1, 19, "take it away"),
    ("INPUT 8x8x3 -> LRN 5", 1, 20, "write LRN size=5"),
    ("INPUT 8 -> DROPOUT 50", 1, 20, "write 0.5"),
    ("INPUT 8 -> DROPOUT 25 -> FC 3", 1, 20, "write 0.25"),
    ("INPUT 8 -> DROPOUT p=0.5", 1, 20, "DROPOUT 0.5"),
    ("INPUT 8x8x3 -> LRELU", 1, 16, "write LEAKYRELU"),
    ("INPUT 8x8x3 -> POOL 2", 1, 16, "MAXPOOL 2 or AVGPOOL 2"),
    ("INPUT 8x8x3 -> MaxPooling2D 2 s2", 1, 16, "write MAXPOOL 2 s2"),
    ("INPUT 8x8x3 -> BATCH_NORM", 1, 16, "write BN"),
    ("INPUT 8x8x3 -> InnerProduct num_output=10", 1, 16, "write FC 10"),
    ("INPUT 8x8x3 -> CONV 8 3 p1 RELU MAXPOOL 2", 1, 28, "write CONV 8 3 p1 -> RELU -> MAXPOOL 2"),
    ("INPUT 8x8x3 -> CONV 8 3 relu", 1, 25, "write CONV 8 3 -> RELU"),
    ("INPUT 8x8x3 -> [ CONV 8 3 CONV 8 3 ] -> ADD", 1, 27, "| between branches"),
    ("INPUT 8x8x3 -> c: CONV 3 1 -> ADD c", 1, 31, "[ c | SKIP ] -> ADD"),
    ("INPUT 8x8x3 -> a: CONV 3 1 -> b: CONV 3 1\nADD a b -> FC 2", 2, 1, "[ a | b ] -> ADD"),
    ("INPUT 8x8x3 -> a: CONV 3 1\n[ a | a ] -> CONCAT a", 2, 21, "[ a | a | a ] -> CONCAT"),
    ("INPUT 8x8x3 -> a: CONV 3 1 -> relu -> FC 3", 1, 31, "did you mean RELU?"),
    ("INPUT 8x8x3\nrelu -> FC 3", 2, 1, "did you mean RELU?"),
    ("INPUT 8x8x3 -> [ relu | SKIP ] -> ADD", 1, 18, "did you mean RELU?"),
    ("block f(n, m=2) = CONV n 3\nINPUT 8x8x3 -> f(3) -> f -> FC 3", 2, 24, "write f(n)"),
    ("[ a b ] -> ADD", 1, 5, "write [ a | b ] -> ADD"),
    ("INPUT 8 -> [ a b c ] -> CONCAT -> FC 2", 1, 16, "write [ a | b | c ] -> CONCAT"),
    ("a b -> ADD", 1, 3, "write [ a | b ] -> ADD"),
    ("[a, b] -> ADD", 1, 3, "[ a | b ]"),
    ("INPUT 8 -> [ FC 3 | SKIP ] CONCAT", 1, 28, "an arrow is missing before it: -> CONCAT"),
    ("INPUT 8 -> a: FC 3 b: FC 3", 1, 21, "an arrow is missing before it: -> b"),
    ("INPUT 8 -> FC 3 f(3)", 1, 18, "an arrow is missing before it: -> f(3)"),
    ("INPUT 8 -> FC min(3, 4)", 1, 18, "{min(3, 4)}"),
    ("block f(n) = FC n\nINPUT 8 -> f 64", 2, 12, "write f(64)"),
    ("block f(n, m) = FC n\nINPUT 8 -> f 64 3 x2 -> RELU", 2, 12, "write f(64, 3) x2"),
    ("INPUT 8 -> foo 64", 1, 12, "FOO 64; a block is called with brackets: foo(64)"),
    ("INPUT 8x8x3 -> maxpool 2", 1, 16, "capitals: MAXPOOL 2"),
    ("INPUT 8x8x3 -> nn.Conv2d(3, 64, kernel_size=(3, 3), padding=1)", 1, 18, "write CONV 64 3 p1"),
    ("self.conv1 = nn.Conv2d(3, 64, 3)", 1, 12, "conv1: CONV 64 3"),
    ("x = self.conv1(x)", 1, 3, "without variables"),
    ("model.add(Dense(10, activation='relu'))", 1, 11, "write FC 10 -> RELU"),
    ("INPUT 8 -> Dense(10, activation='softmax')", 1, 17, "FC 10 -> SOFTMAX"),
    ("INPUT 8x8x3 -> GlobalAveragePooling2D()", 1, 38, "AVGPOOL global"),
    ("INPUT 8x8x3 -> a: CONV 3 1 -> Concatenate()([a, b])", 1, 42, "[ a | b ] -> CONCAT"),
    ("INPUT 8x8x3 -> a: CONV 3 1 -> ADD(a)", 1, 34, "[ a | SKIP ] -> ADD"),
    ("a + b -> RELU", 1, 3, "[ a | b ] -> ADD"),
    ("INPUT 8x8x3 -> CONV 8 3 + BN", 1, 25, "joined by ->"),
    ("INPUT 8x8x3 -> CONV 8 3 /2", 1, 25, "write s2"),
    ("INPUT 8x8x3 -> 3x3 conv, 64", 1, 16, "CONV 64 3x3"),
    ("INPUT 8x8x3 -> 7x7 CONV 64 /2", 1, 16, "CONV 64 7x7 s2"),
    ("INPUT 8x8x3 -> CONV3x3 64", 1, 16, "write CONV 64 3x3"),
    ("INPUT 8x8x3 -> FC6 4096", 1, 16, "write fc6: FC 4096"),
    ("INPUT 8x8x3 -> CONV 8 3 padding='same'", 1, 33, "write same"),
    ("INPUT 8x8x3 -> CONV 8 3 padding=valid", 1, 25, "without p there is no padding"),
    ("INPUT 8x8x3 -> CONV k3 8", 1, 21, "CONV 8 3"),
    ("INPUT 8x8x3 -> UPSAMPLE 2 mode='nearest'", 1, 32, "mode=nearest, without quotes"),
    ("INPUT 28 28 1 -> FC 10", 1, 10, "INPUT 28x28x1"),
    ("INPUT 28*28*1 -> FC 10", 1, 9, "write 28x28x1"),
    ("INPUT Nx28x28x1 -> FC 10", 1, 7, "INPUT 28x28x1"),
    ("INPUT (None, 28, 28, 1)", 1, 7, "28x28x1"),
    ("INPUT 8x8x3 -> MAXPOOL 2, 2", 1, 25, "MAXPOOL 2 s2"),
    ("INPUT 8x8x3 -> DWCONV 32 3", 1, 26, "DWCONV 3"),
    ("INPUT 8x8x3 -> LRN 5 0.0001 0.75", 1, 20, "LRN size=5 alpha=0.0001 beta=0.75"),
    ("INPUT 8 -> FC 3 -> output", 1, 20, "`output` line"),
    ("INPUT 8 -> SOFTMAX 10", 1, 20, "FC 10 -> SOFTMAX"),
    ("block ConvBn(n) = CONV n 3 -> BN\nINPUT 8x8x3 -> ConvBn(32) -> FC 3", 1, 7, "write convbn"),
    ("block UNIT(n) = CONV n 3 -> BN\nINPUT 8x8x3 -> UNIT(32) -> FC 3", 1, 7, "write unit"),
    ("INPUT 8x8x3 -> C1: CONV 3 1 -> BN\n[ C1 | C1 ] -> ADD", 1, 16, "write c1"),
    ("Param n = 3\nINPUT 8 -> FC n", 1, 1, "write param"),
    ("block f(N) = FC N\nINPUT 8 -> f(N=3)", 1, 9, "write n"),
    ("block été() = RELU\nINPUT 8 -> été()", 1, 7, "write ete"),
    ("INPUT: 8x8x3 -> FC 3", 1, 6, "INPUT 8x8x3"),
    ("block f() =\nINPUT 8 -> f() -> FC 3", 1, 11, "write the chain of block f behind it"),
    ("INPUT 8 -> FC 10 ->\nINPUT 4 -> FC 3", 2, 1, "the line before ends with `->`"),
    ("INPUT 8x8x3 -> CONV 8 3 REUL", 1, 25, "did you mean RELU? An arrow stands before it"),
    ("for i in range(3): CONV 8 3", 1, 1, "a repeat stands behind"),
    ('layer { name: "conv1" }', 1, 1, "joined by ->"),
    ("from torch import nn\nINPUT 8 -> RELU", 1, 1, "nothing of Python"),
    ("[convolutional]", 1, 1, "without sections: -> CONV"),
    ("INPUT 8 -> FC 3\nfilters=32", 2, 8, "behind its layer"),
    ('name: "AlexNet"\nINPUT 8 -> RELU', 1, 7, 'write network "AlexNet"'),
    ("INPUT 8x8x3 -> route -4", 1, 16, "[ a | b ] -> CONCAT"),
    ("INPUT 8x8x3 -> 3x(CONV 8 3 p1 -> RELU)", 1, 16, "(CONV 8 3 p1 -> RELU) x3"),
    ("INPUT 8x8x3 -> CONV 8 3 p1 * 3", 1, 28, "a repeat is written x3"),
    ("INPUT 8x8x3 -> CONV 8 3 p1 (x3)", 1, 28, "without brackets: x3"),
    ("INPUT 8x8x3 -> CONV 8 3 p1 x-1", 1, 28, "whole number from 0"),
    ("INPUT 8x8x3 -> [ CONV 8 3 ; CONV 8 5 ] -> CONCAT", 1, 27, "[ CONV 8 3 | CONV 8 5 ]"),
    ("INPUT 8x8x3 -> ( CONV 8 1 | CONV 8 3 ) -> ADD", 1, 27, "[ CONV 8 1 | CONV 8 3 ] -> ADD"),
    ("INPUT 8x8x3 -> { CONV 8 1 | CONV 8 3 } -> ADD", 1, 16, "[ CONV 8 1 | CONV 8 3 ] -> ADD"),
    ("INPUT 8x8x3 -> CONCAT [ CONV 8 1 | CONV 8 3 ]", 1, 23, "[ CONV 8 1 | CONV 8 3 ] -> CONCAT"),
    ("INPUT 8x8x3 -> CONCAT(CONV 8 1, CONV 8 3)", 1, 22, "[ CONV 8 1 | CONV 8 3 ] -> CONCAT"),
    ("INPUT 8x8x3 -> [ CONV 8 3 | SKIP ] -> CONCAT", 1, 39, "`same` or p in the branch of 6x6x8"),
    ("INPUT 8x8x3 -> [ CONV 3 1 | identity ] -> ADD", 1, 29, "SKIP stands for what flows in"),
    ("INPUT 8x8x3 -> CONV 8 3 -> c1 -> FC 3", 1, 28, "c1: CONV 8 3"),
    ("INPUT 8x8x3 -> CONV 8 3 as c1 -> FC 3", 1, 25, "c1: CONV 8 3"),
    ("INPUT 8x8x3 -> CONV 8 3 name=c1 -> FC 3", 1, 25, "c1: CONV 8 3"),
    ('INPUT 8x8x3 -> CONV 8 3 "c1" -> FC 3', 1, 25, "c1: CONV 8 3"),
    ("INPUT 8x8x3 -> c1 = CONV 8 3 -> FC 3", 1, 19, "c1: CONV 8 3"),
    ("INPUT 8x8x3 -> c-1: CONV 8 3", 1, 16, "write c_1:"),
    ('INPUT 8x8x3 -> "conv1": CONV 8 3', 1, 16, "without quotes: conv1:"),
    ("INPUT 8x8x3\nCONV 8 3 -> RELU", 2, 1, "start the line with ->: -> CONV 8 3"),
    ("INPUT 8x8x3 | CONV 8 3 | FC 3", 1, 13, "joined by ->"),
    ("INPUT 8 \u2014> FC 3", 1, 9, "write ->"),
    ("INPUT 8\u00d78\u00d73 -> FC 3", 1, 8, "write 8x8x3"),
    ("INPUT 8 x 8 x 3 -> FC 3", 1, 9, "8x8x3"),
    ("param n = 8\nINPUT {n}x{n}x3 -> FC 3", 2, 14, "{n, n, 3}"),
    ("param n = 8\nINPUT 8x8xn -> FC 3", 2, 7, "{8, 8, n}"),
    ("param a = 1, b = 2\nINPUT 8 -> FC a", 1, 12, "a line of its own"),
    ("param a = true\nINPUT 8 -> RELU x{a}", 1, 11, "write 1"),
    ("param a = 2^3\nINPUT 8 -> FC a", 1, 12, "product"),
    ("param a = {int(3.5)}\nINPUT 8 -> FC a", 1, 12, "did you mean floor?"),
    ("param w = 3\nINPUT 8 -> FC ${w}", 2, 15, "its name alone: w"),
    ("param w = 3\nINPUT 8 -> FC 2w", 2, 15, "{2 * w}"),
    ("INPUT 8 -> a: FC 2 -> b: FC 2\noutput a b", 2, 10, "output a, b"),
    ("INPUT 8 -> FC 2\nexpect params = 5 K", 2, 19, "without a space: 5K"),
    ("INPUT 8x8x3 -> a: CONV 8 3 -> RELU\noutput a", 1, 31, "label the group: a: ( CONV 8 3 -> RELU )"),
    ("INPUT 8x8x3 -> a: CONV 8 3 -> RELU\na -> FC 2", 1, 31, "label the group: a: ( CONV 8 3 -> RELU )"),
    ("INPUT 8 -> a: FC 8 -> RELU -> FC 8 -> [ a | SKIP ] -> ADD", 1, 41, "label the group: a: ( FC 8 -> RELU )"),
    ("INPUT 8x8x3 -> a: CONV 8 3 -> MAXPOOL 2 -> RELU -> [ a | SKIP ] -> ADD", 1, 68, "a: ( CONV 8 3 -> MAXPOOL 2 )"),
    ("block f(n) = CONV n 3\nINPUT 8x8x3 -> f[3]", 2, 17, "f(3)"),
    ("block f(n) = CONV n 3\nINPUT 8x8x3 -> f<3>", 2, 17, "f(3)"),
    ("block f() = CONV 8 3\nINPUT 8x8x3 -> f[]", 2, 17, "round brackets: f()"),
    ("INPUT 8x8x3 -> CONV same 8", 1, 16, "write CONV 8 kernel same"),
    ("INPUT 8x8x3 -> RELU -> CONCAT[]", 1, 30, "-> [ a | b ] -> CONCAT"),
    ("block f(n) = CONV n 3\nINPUT 8x8x3 -> f(n: 3)", 2, 19, "n=3"),
    ("block f(n) = CONV n 3\nINPUT 8x8x3 -> f", 2, 16, "write f(n)"),
    ("block f(n) = CONV n 3\nINPUT 8x8x3 -> call f(3)", 2, 16, "write f(3)"),
    ("block f[n] = CONV n 3\nINPUT 8x8x3 -> f(3)", 1, 8, "block f(n) = CONV n 3"),
    ("block f(n:int) = CONV n 3\nINPUT 8x8x3 -> f(3)", 1, 10, "no type"),
    ("block f(n) = INPUT 8x8x3 -> CONV n 3\nINPUT 8x8x3 -> f(3)", 1, 14, "takes what flows in"),
    ("meta top-5 = 16\nINPUT 8 -> RELU", 1, 9, "write top_5"),
    ("meta author = Yann LeCun\nINPUT 8 -> RELU", 1, 15, '"Yann LeCun"'),
    ("meta error = 16.4%\nINPUT 8 -> RELU", 1, 18, "write 16.4"),
    ("meta date = 2012-10-03\nINPUT 8 -> RELU", 1, 17, '"2012-10-03"'),
    ('network: "LeNet"\nINPUT 8 -> RELU', 1, 8, 'write network "LeNet"'),
    ("INPUT 8 -> a: FC 3\noutput(a)", 2, 7, "write output a"),
    ("INPUT 8 -> a: FC 3\noutput train a", 2, 14, "write output training a"),
    ("INPUT 8 -> a: FC 3\nexpect params 27", 2, 15, "write expect params = 27"),
    ("INPUT 8 -> a: FC 3\nexpect params = 27 of a", 2, 20, "write expect params of a = 27"),
    ("INPUT 8 -> a: FC 3\nexpect a params = 27", 2, 17, "write expect params of a = 27"),
    ("INPUT 8 -> a: FC 3\nexpect shape = 3,1", 2, 17, "3x1"),
    ("INPUT 8 -> a: FC 3\nexpect params = 28", 2, 8, "expect params = 27"),
    ('use "resnet18"\nINPUT 8 -> RELU', 1, 5, "did you mean resnet18.net?"),
    ("INPUT 8x8x3 -> CONV 8 3 gpu 1", 1, 25, "@1"),
    ("INPUT 8x8x3 -> CONV 64 3 g2", 1, 26, "1 alone would"),
    ("INPUT 8x8x12 -> CONV 64 3 g3", 1, 27, "1, 2, 4 would"),
    ("INPUT 8x8x3 -> CONV 64 3 s2,2", 1, 28, "s2x2"),
    ("INPUT 8x8x3 -> CONV 64 3x3x3", 1, 24, "write 3x3"),
    ("INPUT 8x8x3 -> CONV 64 3 p-1", 1, 26, "never negative"),
    ("INPUT 8x8x3 -> CONV 64 3 s0.5", 1, 28, "whole number"),
    ("INPUT 8x8x3 -> FC 192->10", 1, 24, "FC 10"),
    ("INPUT 8x8x3 -> UPSAMPLE 2 bilinear", 1, 27, "mode=bilinear"),
    ("INPUT 8x8x3 -> PAD 1,1", 1, 21, "1x1"),
    ("INPUT 8x8x3 -> RELU x2 x3", 1, 24, "in parentheses"),
    ("INPUT 8x8x3 -> CONV 64 3 no bias", 1, 26, "nobias"),
    ("INPUT 8x8x3 -> TANH 1.7159", 1, 21, "TANH scale=1.7159"),
    ("block unit(n) = CONV n 3\nINPUT 8x8x3 -> Unit(3)", 2, 16, "write unit"),
    ("block f() = CONV 3 3 ->\nINPUT 8x8x3 -> f()", 1, 22, "write the next layer behind it"),
    ("INPUT 8x8x3 -> ResBlock(64)", 1, 24, "resblock(64)"),
    ("INPUT 8x8x3 -> a: CONV 3 1 -> b: CONV 3 1 -> ADD a, b", 1, 51, "[ a | b ] -> ADD"),
    ("INPUT 8x8x3 -> CONCAT axis=1", 1, 16, "put a fork before it"),
    ("INPUT 8x8x3 -> F.relu(x)", 1, 17, "write RELU"),
    ('x = layers.Conv2D(64, (3, 3), padding="same")(x)', 1, 3, "x: CONV 64 3 same"),
    ("INPUT 8x8x3 -> nn.Upsample(scale_factor=2, mode='nearest')", 1, 18, "UPSAMPLE 2 mode=nearest"),
    (
        "INPUT 8x8x3 -> nn.Upsample(scale_factor=2, mode='bicubic', align_corners=True)",
        *(1, 18, "UPSAMPLE 2 mode=bicubic aligned"),
    ),
    ("INPUT 8x3 -> nn.Upsample(scale_factor=2, mode='linear', align_corners=False)", 1, 16, "UPSAMPLE 2 mode=bilinear"),
    ("INPUT 8x8x3 -> nn.UpsamplingBilinear2d(scale_factor=2)", 1, 18, "UPSAMPLE 2 mode=bilinear aligned"),
    ("INPUT 8x8x3 -> UPSAMPLE 2 bicubic", 1, 27, "mode=bicubic"),
    ("INPUT 8x8x3 -> UPSAMPLE 2 mode=bicubic align_corners=True", 1, 40, "write aligned"),
    ("INPUT 8x8x4 -> nn.PixelShuffle(upscale_factor=2)", 1, 18, "PIXELSHUFFLE 2"),
    ("INPUT 50x8 -> nn.LSTM(8, 128, bidirectional=True, batch_first=True)", 1, 17, "LSTM 128 both"),
    ("INPUT 50x8 -> nn.GRU(input_size=8, hidden_size=64, num_layers=2)", 1, 17, "GRU 64 x2"),
    ("INPUT 50x8 -> LSTM(64, return_sequences=False)", 1, 19, "LSTM 64 last"),
    ("INPUT 50x8 -> LSTM(64, num_layers=2, dropout=0.3)", 1, 19, "LSTM 64 x2 -> DROPOUT 0.3"),
    ("INPUT 50x8 -> LSTM 64 layers=2", 1, 23, "behind the layer: x2"),
    ("INPUT 50x8 -> LSTM 64 dropout=0.3", 1, 23, "-> DROPOUT 0.3"),
    ("INPUT 50x8 -> BILSTM 64", 1, 15, "LSTM 64 both"),
    ("INPUT 50x8 -> LSTM 64 last -> LSTM 64", 1, 31, "`last`"),
    ("INPUT 8x9x3 -> LSTM 64", 1, 16, "RESHAPE 9x24 makes one of its columns"),
    ("INPUT 50x768 -> nn.MultiheadAttention(768, 12, 0.1, batch_first=True)", 1, 19, "ATTENTION 12 -> DROPOUT 0.1"),
    ("INPUT 50x768 -> MultiheadAttention(8, 768)", 1, 35, "commas: ATTENTION 8"),
    ("INPUT 50x768 -> MultiHeadAttention(8, 64)", 1, 35, "ATTENTION 8 width=64"),
    ("INPUT 50x768 -> ATTENTION 768 12", 1, 31, "write ATTENTION 12"),
    (
        "INPUT 9x9x3 -> nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)",
        1,
        18,
        "3 s2 p1 ceil exclude_pad",
    ),
    ("INPUT 50x8 -> [ LN -> FC 32 -> GELU -> FC 8 | SKIP ] -> ADD", 1, 57, "CONV 8 1 works on each position"),
    ("INPUT 8x8x8 -> ATTENTION 2 qkv_bias=False", 1, 28, "write nobias"),
    ("INPUT 8x8x3 -> PatchEmbed(4, 96)", 1, 26, "CONV 96 16 s16 -> RESHAPE {-1, 96}"),
    ("INPUT 8x8x3 -> CONV 4 3 p1 -> b({16*i}) as i x3", 1, 41, "x3 as i"),
    ("INPUT 8x8x3 -> ( CONV {16*i} 3 p1 ) as i x3", 1, 37, "x3 as i"),
    ("INPUT 9x9x3 -> nn.MaxPool2d(3, 2, 1, 1, False, True)", 1, 18, "MAXPOOL 3 s2 p1 ceil"),
    ("INPUT 9x9x3 -> MAXPOOL 3 s2 ceil_mode=True", 1, 29, "write ceil"),
    ("INPUT 9x9x3 -> AVGPOOL 3 p1 count_include_pad=False", 1, 29, "write exclude_pad"),
    ("INPUT 9x9x3 -> MAXPOOL 3 s2 p0,1", 1, 31, "p0x1"),
    ("INPUT 8x8x3 -> CONV {16*i} 3 p1 x3", 1, 25, "`x3 as i`"),
    ("INPUT 8x8x3 -> (CONV {16*i} 3 p1) x3 for i", 1, 38, "as i"),
    ("INPUT 8x8x3 -> (CONV {16*i} 3 p1) x3 : i", 1, 38, "as i"),
    ("INPUT 50x8 -> LSTM 4 bidirectional", 1, 22, "write both"),
    ("INPUT 50x8 -> GRU 4 bidirectional=True", 1, 21, "write both"),
    ("INPUT 50x8 -> LSTM 4 return_sequences=False", 1, 22, "write last"),
    ("INPUT 50x8 -> LSTM 4 return_sequences", 1, 22, "take it away: one direction"),
    ("INPUT 50x8 -> Bidirectional(LSTM(64))", 1, 28, "LSTM n both"),
    ("INPUT 50x8 -> cls_token -> FC 2", 1, 15, "TOKEN"),
    ("INPUT 50x8 -> PosEmbed -> FC 2", 1, 15, "POSITIONS"),
    ("INPUT 8x8x3 -> MUL 0.5", 1, 16, "TIMES 0.5"),
    ("INPUT 8x8x3 -> FC 4 -> ADD -1", 1, 24, "PLUS -1"),
    ("INPUT 8x8x3 -> torch.mul(x, 0.5)", 1, 16, "TIMES 0.5"),
    ("INPUT 8x8x3 -> Rescaling(1./255)", 1, 25, "TIMES {1/255}"),
    ("INPUT 8x8x3 -> TIMES scale=0.5", 1, 22, "TIMES 0.5"),
    (
        "INPUT 8x8x3 -> nn.ConvTranspose2d(3, 8, 3, stride=2, padding=1, dilation=2)",
        *(1, 18, "DECONV 8 3 s2 p1 d2"),
    ),
    ("INPUT 8x8x4 -> F.pixel_unshuffle(x, 2)", 1, 17, "PIXELUNSHUFFLE 2"),
    ("INPUT 8x8x4 -> nn.PixelUnshuffle(downscale_factor=2)", 1, 18, "PIXELUNSHUFFLE 2"),
    ("INPUT 8x8x4 -> space_to_depth(block_size=2)", 1, 16, "PIXELUNSHUFFLE 2 order=dcr"),
    ("INPUT 8x8x4 -> Reorg stride=2", 1, 16, "PIXELUNSHUFFLE 2 order=darknet"),
    ("INPUT 8x8x4 -> Focus", 1, 16, "PIXELUNSHUFFLE 2 order=swin"),
    ("INPUT 7x8x4 -> PIXELUNSHUFFLE 2", 1, 31, "PAD 0 after=1x0"),
    ("INPUT 8x8x4 -> DepthToSpace 2", 1, 16, "PIXELSHUFFLE 2 order=dcr"),
    ("INPUT 8x8x3 -> CONV 4 3 padding=(1, 1)", 1, 33, "write p1"),
    ("INPUT 8x8x3 -> [ RELU | SKIP ] -> x: ADD -> RELU\noutput x", 1, 45, "x: ( ADD -> RELU )"),
    ("INPUT 8 -> c1: FC 8 -> [ SKIP c1 ] -> ADD", 1, 31, "SKIP | c1"),
    ("INPUT 8 -> c1: FC 8 -> [ c1 SKIP ] -> ADD", 1, 29, "c1 | SKIP"),
    ("INPUT 8 -> a: FC 8 -> [ RELU a ] -> ADD", 1, 30, "RELU | a"),
    ('INPUT 8 -> DROPOUT "0.5"', 1, 20, "without quotes: 0.5"),
    ("INPUT 8 -> x2 RELU -> FC 3", 1, 12, "repeats: RELU x2"),
    ("INPUT 8x8x3 -> CONV1 8 3", 1, 16, "conv1: CONV 8 3"),
    ("INPUT 8x8x3 -> [ RELU | SKIP ] -> SUM -> FC 3", 1, 35, "write ADD"),
    ("INPUT 8x8x3 -> BOTTLENECK(64)", 1, 26, "bottleneck(64)"),
    ("INPUT 8x8x3 -> RESBLOCK 64", 1, 16, "resblock(64)"),
    ("block f(n) = CONV n 3\nINPUT 8x8x3 -> a: f(4) -> RELU\noutput a", 2, 27, "label the group: a: ( f(4) -> RELU )"),
    ("INPUT 1x28x28 -> CONV 6 5", 1, 25, "write INPUT 28x28x1"),
    ("INPUT 3x8x8 -> CONV 8 3", 1, 7, "write INPUT 8x8x3"),
    ("INPUT 28x28 -> AVGPOOL 2", 1, 7, "write INPUT 28x28x1"),
]


# Examples that were not the user's own, arguments that were lost, and hints that led astray.
OWN_WORDS = [
    ("INPUT 8x8x3 -> Conv2d(64, 3, padding=1)", 1, 22, "commas: CONV 64 3 p1"),
    ("INPUT 8x8x3 -> nn.Conv2d(64, kernel_size=3, bias=False)", 1, 18, "write CONV 64 3 nobias"),
    ("INPUT 8x8x3 -> nn.Conv2d(3, 64, kernel_size=3, padding=1)", 1, 18, "write CONV 64 3 p1"),
    ("INPUT 8 -> Linear(512, bias=False)", 1, 18, "commas: FC 512 nobias"),
    ("INPUT 8 -> nn.Linear(8, 512, bias=False)", 1, 14, "write FC 512 nobias"),
    ("param n = 3\nINPUT 8x8x3 -> ( CONV 3 3 p1 -> RELU ) xn", 2, 40, "in braces: x{n}"),
    ("param n = 3\nINPUT 8x8x3 -> RELU xn", 2, 21, "in braces: x{n}"),
    ("param n = 3\nINPUT 8x8x3 -> RELU x n", 2, 21, "in braces: x{n}"),
    ("INPUT 8x8x3 -> CONV {4*i} 3 x2 i", 1, 32, "a name: as i"),
    ("INPUT 8x8x3 -> CONV {4*i} 3 x2 as {i}", 1, 35, "write i"),
    ("INPUT 8x8x3 -> CONV {4*i} 3 x2 as i, j", 1, 36, "a copy has one number"),
    ("INPUT 8x8x3 -> CONV 4 3 as i x2", 1, 25, "write x2 as i"),
    ("INPUT 8x8x3 -> RELU\nfor i in range(3):", 2, 1, "CONV {16*i} 3 p1 x3 as i"),
    ("block b() = FC {c_in}\nINPUT 8x8x3 -> b()", 1, 17, "what enters a block are `in`"),
    ("INPUT 8x8x3 -> CONV {in} 3", 1, 22, "stands in blocks alone"),
    ("param n = 3\nINPUT 8x8x3 -> RELU x(n - 1)", 2, 22, "in braces: x{n - 1}"),
    ("param n = 3\nINPUT 8x8x3 -> (RELU -> ABS) * n", 2, 30, "written x{n}"),
    ("param n = 3\nINPUT 8x8x3 -> n x (RELU -> ABS)", 2, 16, "repeats: (RELU -> ABS) x{n}"),
    ("param n = 3\nINPUT 8x8x3 -> CONV 3 3 sn", 2, 25, "in braces: s{n}"),
    ("param n = 3\nINPUT 8x8x3 -> CONV 3 3 s n", 2, 25, "in braces: s{n}"),
    ("INPUT 8x8x3 -> CONV 3 3 *3", 1, 25, "a repeat is written x3"),
    ("block b() = RELU\nINPUT 8x8x3 -> 3 * b()", 2, 16, "repeats: b() x3"),
    ("INPUT ?x224x224x3", 1, 7, "INPUT 224x224x3"),
    ("INPUT -1x224x224x3", 1, 7, "INPUT 224x224x3"),
    ("INPUT None x224x224x3", 1, 7, "INPUT 224x224x3"),
    ("INPUT None 224 224 3", 1, 7, "INPUT 224x224x3"),
    ("INPUT Nx784", 1, 7, "INPUT 784"),
    ("INPUT -1 784", 1, 7, "INPUT 784"),
    ("INPUT 8x8x3 -> RESHAPE -1", 1, 24, "write {-1}"),
    ("INPUT 8x8x3 -> RESHAPE -1 3", 1, 24, "write {-1, 3}"),
    ("INPUT 8x8x3 -> RESHAPE -1x3", 1, 24, "in braces: {-1, 3}"),
    ("INPUT 8x8x3 -> RESHAPE 64x-1", 1, 24, "in braces: {64, -1}"),
    ("INPUT 8 -> FC 2\nexpect params of fc1 is 18", 2, 22, "write expect params of fc1 = 18"),
    ("INPUT 8 -> FC 2\nassert fc1.params == 18", 2, 1, "write expect params of fc1 = 18"),
    ("INPUT 8 -> FC 2\nexpect params of fc1 about 2K", 2, 22, "write expect params of fc1 ~ 2K"),
    ('name "Foo"\nINPUT 8', 1, 1, 'write network "Foo"'),
    ("model Foo Net\nINPUT 8", 1, 1, 'write network "Foo Net"'),
    ("let n = 3\nINPUT 8 -> FC n", 1, 1, "write param n = 3"),
    ("parm n: int = 3\nINPUT 8 -> FC n", 1, 1, "write param n = 3"),
    ("met year = 2012\nINPUT 8", 1, 1, "write meta year = 2012"),
    ("outputs a b\nINPUT 8 -> a: FC 3 -> b: FC 4", 1, 1, "write output a, b"),
    ("param = 3\nINPUT 8", 1, 7, "param classes = 10"),
    ("INPUT 8 -> FCC 10", 1, 12, "did you mean FC?"),
    ("INPUT 8x8x3 -> a: RELU -> CONV 3 3 p1 -> [ a -> SKIP ] -> ADD", 1, 42, "by |: [ a | SKIP ] -> ADD"),
    ("INPUT 8x8x3 -> [ RELU -> ABS ] -> CONCAT", 1, 16, "by |, or take the fork and CONCAT away"),
    ("block b() = [ RELU -> SKIP ] -> MUL\nINPUT 8x8x3 -> b() x3 -> b()", 1, 13, "[ RELU | SKIP ] -> MUL"),
    ("INPUT 8x8 -> RNN 20", 1, 14, "LSTM and GRU are the recurrent layers"),
    ("INPUT 8x8 -> XYZ 20", 1, 14, "`netdsl layers` lists the layers"),
    # what else students of PyTorch, Keras and Darknet wrote
    ("INPUT 8x8x1 -> CONV 32 3, stride 2", 1, 25, "spaces: CONV 32 3 s2"),
    ("INPUT 8x8x1 -> CONV 32 filters 3x3", 1, 24, "by position: CONV 32 3x3"),
    ("INPUT 8x8x1 -> FC 10 -> SOFTMAX 10", 1, 33, "take it away"),
    ("INPUT 8x8x1 -> FC out=10", 1, 19, "by position: FC 10"),
    ("INPUT 8x8x1 -> MAXPOOL 2,2", 1, 25, "spaces: MAXPOOL 2 s2"),
    ("INPUT 8x8x1 -> MAXPOOL 2x2/2", 1, 27, "write s2 for a stride of 2"),
    ("INPUT 8x8x1 -> POOL max 2", 1, 16, "write MAXPOOL 2"),
    ("INPUT 8x8x1 -> POOL avg 2 stride 2", 1, 16, "write AVGPOOL 2 s2"),
    ("INPUT 8x8x1 -> [ RELU & SKIP ] -> ADD", 1, 23, "by |: [ RELU | SKIP ]"),
    ("INPUT 8x8x1 -> (CONV 1 3 p1 -> RELU)^2", 1, 37, "a repeat is written x2"),
    ("INPUT 8x8x1 -> (CONV 1 3 p1 -> RELU) times 2", 1, 38, "a repeat is written x2"),
    ("INPUT 8x8x1 -> REPEAT 3 (CONV 1 3 p1)", 1, 25, "repeats: (CONV 1 3 p1) x3"),
    ("filters=32\nINPUT 8", 1, 8, "behind its layer: CONV 32 kernel"),
    ("pad=1\nINPUT 8", 1, 4, "behind its layer: p1"),
    ("activation=leaky\nINPUT 8", 1, 11, "a layer of its own: -> LEAKYRELU"),
    ("INPUT 8x8x1 -> CONV n 3", 1, 21, "define it: param n = …"),
    ("INPUT image", 1, 7, "write its dims: INPUT 28x28x1"),
    ("output RELU\nINPUT 8 -> RELU", 1, 8, "a label before it, out: RELU"),
    ("INPUT 8x8x1 -> SE 16", 1, 16, "[ SKIP | AVGPOOL global -> "),
    ("INPUT 8x8x1 -> SeparableConv2D(64, 3, padding=1)", 1, 31, "DWCONV 3 p1 -> CONV 64 1"),
    ("expect accuracy > 90%\nINPUT 8", 1, 21, "there is no quantity accuracy"),
    ("expect params < 1M parameters\nINPUT 8 -> FC 2", 1, 20, "write expect params < 1M"),
    ("INPUT 8x8x1 -> x.view(x.size(0), -1)", 1, 29, "write FLATTEN"),
    ("INPUT 8x8x1 -> torch.flatten(x, 1)", 1, 16, "commas: FLATTEN"),
    ("INPUT 8x8x1 -> F.max_pool2d(x, 2)", 1, 17, "write MAXPOOL 2"),
    ("block f(n) = FC n\nINPUT 8 -> self.f(3)", 2, 12, "write f(3)"),
    ("block f(n) = FC n\nINPUT 8 -> block f(3)", 2, 12, "write f(3)"),
    ("block f(n) = FC n\nINPUT 8 -> f(3) x 2", 2, 17, "a repeat is written x2"),
    ("x: INPUT 8\ny = x -> FC 8", 2, 3, "a colon: y: x"),
    ("INPUT 8 -> x: FC 8 -> RELU -> x -> ADD", 1, 31, "[ SKIP | x ] -> ADD"),
    ("INPUT 8 -> x: FC 8 -> SKIP x -> ADD", 1, 28, "by |: SKIP | x"),
    ("INPUT 8 -> [[ RELU | SKIP ]] -> ADD", 1, 13, "one pair of brackets"),
    ("INPUT 8 -> fork( RELU | SKIP ) -> ADD", 1, 18, "brackets: [ RELU | SKIP ] -> ADD"),
    ("INPUT 8 -> f(RELU)", 1, 14, "layers stand in its own chain"),
    ("INPUT 8 — RELU", 1, 9, "write ->"),
    ("INPUT 8 ==> RELU", 1, 9, "joined by ->"),
    ("INPUT 8x8x3px", 1, 7, "write 8x8x3"),
    ("INPUT h=8 w=8 c=3", 1, 7, "channels last: INPUT 8x8x3"),
    ("param n = 3\nINPUT 8x8x{n}", 2, 7, "{8, 8, n}"),
    ("param n = 3\nINPUT 8x8x3 -> CONV (n) 3", 2, 21, "without brackets: n"),
    ("param n = 3\nINPUT 8 -> FC {n if n else 1}", 2, 18, "nothing compares them"),
    ("param n = 1, 2\nINPUT 8 -> FC n", 1, 12, "joined by x: 1x2"),
    ("param n\nINPUT 8 -> FC n", 1, 7, "a value: param n = …"),
    ("INPUT 8 -> RELU on gpu1", 1, 17, "behind the layer: @1"),
    ("INPUT 8x8x3 -> CONV 8 3 s1/2", 1, 27, "behind s is a whole number"),
    ("INPUT 8x8x3 -> CONV 8 k=3", 1, 23, "by position: CONV 8 3"),
    ('INPUT 8x8x3 -> UPSAMPLE 2 "bilinear"', 1, 27, "write mode=bilinear"),
    ("INPUT 8x8x3 -> UPSAMPLE size=64x64", 1, 25, "write to=64x64"),
    # a block whose header is broken is defined
    ('block "f"(n) = CONV n 3\nINPUT 8x8x3 -> f(3)', 1, 7, "write block f(n) = CONV n 3"),
    ("block: f(n) = CONV n 3\nINPUT 8x8x3 -> f(3)", 1, 6, "write block f(n) = CONV n 3"),
    ("block (n) = CONV n 3\nINPUT 8x8x3 -> f(3)", 1, 7, "a name before its parameters"),
    ("block f-g(n) = CONV n 3\nINPUT 8x8x3 -> f_g(3)", 1, 8, "write f_g"),
    ("block f.g(n) = CONV n 3\nINPUT 8x8x3 -> f_g(3) -> f.g(3)", 1, 8, "write f_g"),
    ("block f(n)\n  CONV n 3\n  -> RELU\nINPUT 8x8x3 -> f(3)", 1, 10, "behind =: block f(n) = …"),
    ("block f(n)\n  = CONV n 3\nINPUT 8x8x3 -> f(3)", 1, 10, "behind =: block f(n) = …"),
    ("block 3conv(n) = CONV n 3\nINPUT 8x8x3", 1, 7, "a name begins with a letter"),
    ("f(n) = CONV n 3\nINPUT 8x8x3 -> f(3)", 1, 6, "write block f(n) = CONV n 3"),
    ("def f(n: int, k=3):\n  return CONV n k\nINPUT 8x8x3 -> f(3)", 1, 1, "write block f(n, k=3) = …"),
    ("let f(n) = CONV n 3\nINPUT 8x8x3 -> f(3)", 1, 1, "write block f(n) = CONV n 3"),
    ("f = CONV 3 3\nINPUT 8x8x3 -> f", 1, 3, "f: CONV 3 3"),
    ("param int n = 3\nINPUT 8x8x3 -> CONV n 3", 1, 11, "param n = 3"),
    ("param n-max = 3\nINPUT 8x8x3 -> CONV n_max 3", 1, 8, "write n_max"),
    ("param n = 3, m = 4\nINPUT 8x8x3 -> CONV n m", 1, 12, "a line of its own"),
    ("param n = 3; param m = 4\nINPUT 8x8x3 -> CONV n m", 1, 12, "a new line"),
]


@pytest.mark.parametrize(("text", "line", "column", "fix"), MISTAKES + OWN_WORDS)
def test_a_newcomers_mistake_is_the_only_one_reported_with_a_fix(text: str, line: int, column: int, fix: str) -> None:
    (found,) = check(text)
    assert (found.span.line, found.span.column) == (line, column)
    assert fix in found.help


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("INPUT 8x8x3 -> CONV 8 3 s2 s3", "s2"),
        ("INPUT 8x8x3 -> CONV 8 3 same same", "same"),
        ("block f(n) = FC n\nINPUT 8 -> f(3, n=4)", "3"),
        ("block f(n, n) = FC n\nINPUT 8 -> f(3)", "n"),
        ("meta a = 1\nmeta a = 2\nINPUT 8 -> FC 3", "a"),
        ("INPUT 8 -> a: FC 3\noutput a, a", "a"),
        ("INPUT 8 -> a: FC 3 -> a: FC 2", "a"),
    ],
)
def test_what_is_said_twice_is_shown_at_both_places(text: str, first: str) -> None:
    found = check(text)[0]
    (related,) = found.related
    assert related.span.text == first
    assert related.span.start < found.span.start


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("INPUT 8x8x3\n-> conv 64 3\n-> maxpool 2\n-> FC 10,\n", [(2, 4), (3, 4), (4, 9)]),
        (
            "INPUT 8x8x3 -> CONV 4*2 3\n-> RELU # -> RELU,\n\n-> # here\n  fc 10\n-> FC 2\n-> fc 3",
            [(1, 22), (5, 3), (7, 4)],
        ),
        (
            "block b(n) = CONV n 3\n  -> bn 3\n  -> CONV n*2 3\nINPUT 8x8x3\n-> b(4)\n-> fc 2\n",
            [(2, 6), (3, 12), (6, 4)],
        ),
        ("INPUT 8\n-> [ fc 1\n   -> fc 2\n   | fc 3\n] -> ADD\n-> fc 4\n", [(2, 6), (6, 4)]),
        (f"INPUT 8\n-> FC {9**99}\n-> fc 2\n", [(2, 7), (3, 4)]),
        ('INPUT 8x8x3\n-> PAD 1 mode="edge\n-> CONV 4 3\n-> RELU\n', [(2, 15)]),
        ("expect params = 5\n-> CONV 4 3\n-> RELU\n", [(2, 1)]),
    ],
)
def test_each_line_of_a_chain_is_looked_at(text: str, places: list[tuple[int, int]]) -> None:
    assert [(one.span.line, one.span.column) for one in check(text)] == places


def test_a_message_says_what_may_stand_there() -> None:
    arguments = "an argument, a repeat, a device, `->` or the end of the statement"
    assert [one.message for one in check("INPUT 8 ;")] == [f"unexpected `;`: expected {arguments}"]
    assert [one.message for one in check("use 3\nINPUT 8 -> RELU")] == ["unexpected `3`: expected a string"]


def test_closing_brackets_are_expected_only_where_one_is_open() -> None:
    (outside,), (inside,) = check("INPUT 8 -> RELU ;"), check("INPUT 8 -> ( RELU ; )")
    assert "`)`" not in outside.message
    assert "`)`" in inside.message
    assert "the end" not in inside.message


@pytest.mark.parametrize("path", resources.bundled(), ids=lambda path: path.stem)
def test_no_bundled_network_looks_like_a_slip(path: Path) -> None:
    report = Report()
    build(Source(path.read_text(encoding="utf-8"), path.name), path, report)
    assert {one.code for one in report.diagnostics()} <= {"inexact-window"}


def test_every_statement_has_an_example() -> None:
    assert EXAMPLES.keys() == KEYWORDS


def test_names_from_elsewhere_lead_to_layers_that_exist() -> None:
    for word, foreign in elsewhere.LAYERS.items():
        named = re.findall(r"[A-Z][A-Z0-9]+", foreign.here)
        assert named
        assert set(named) <= set(table.keywords()), word


def test_every_layer_is_found_by_its_own_keyword() -> None:
    for keyword in table.keywords():
        found, row = elsewhere.find(keyword), table.find(keyword)
        if row is not None and row.__module__.startswith("netdsl."):
            assert found is not None
            assert row.keyword in found.here


def test_many_unknown_names_are_reported_in_reasonable_time() -> None:
    text = "INPUT 8 -> a: RELU\n" + "".join(f"reul{number} -> RELU\n" for number in range(1000))
    start = time.process_time()
    assert len(check(text)) == 1000
    assert time.process_time() - start < 30  # a guard against comparing every name with every other


@pytest.mark.parametrize(("a", "b"), [("conv", "cnov"), ("relu", "softmax"), ("", "ab"), ("stem", "stem2")])
def test_a_distance_that_is_cut_short_is_still_too_large(a: str, b: str) -> None:
    for enough in (0.5, 1, 2.5, 4):
        cut, full = distance(a, b, enough), distance(a, b)
        assert cut == full if full <= enough else cut > enough


def test_a_claim_about_the_field_of_a_vector_does_not_hold_by_default() -> None:
    (found,) = check("INPUT 8 -> RELU\nexpect field = 99\n")
    assert found.code == "invalid-argument"
    assert found.span.line == 2


def test_each_name_that_two_used_files_share_is_reported(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.net").write_text("param v = 1\nparam w = 2\n")
    main = tmp_path / "main.net"
    report = Report()
    build(Source('use "a.net"\nuse "b.net"\nINPUT 8 -> FC w\n', "main.net"), main, report)
    found = [one.message for one in report.diagnostics() if one.code == "duplicate-name"]
    assert found == ["the param v is defined twice", "the param w is defined twice"]


@pytest.mark.parametrize("text", ["INPUT 8 -> LEAKYRELU slope=foo", "INPUT 8 -> LEAKYRELU foo"])
def test_a_name_in_the_place_of_a_number_is_unknown_and_no_other_value(text: str) -> None:
    assert [one.code for one in check(text)] == ["unknown-name"]


def test_dims_that_end_with_their_x_are_joined_as_far_as_they_go() -> None:
    assert check("INPUT 8 x 8 x -> RELU")[0].help == "dims have no spaces: 8x8"


def test_a_device_is_at_most_1023() -> None:
    assert check("INPUT 8 -> FC 3 @1023\n") == []
    assert [(one.code, one.message) for one in check("INPUT 8 -> FC 3 @1024\n")] == [
        ("limit-exceeded", "a device is at most 1,023, not 1,024")
    ]


def test_a_label_is_read_where_it_begins_the_file() -> None:
    assert [label_of(node) for node in netdsl.loads("data: INPUT 8 -> a: FC 3 -> RELU").shaped.nodes] == [
        "data",
        "a",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("word", "word"),
        ('"a b"', "a b"),
        ('""', ""),
        ('"', '"'),
        ("", None),
        ("3x4", (3, 4)),
        ("2e3", 2000),
        ("9" * 9999, None),
    ],
)
def test_a_value_of_the_command_line(text: str, value: object) -> None:
    assert literal(text) == value


@pytest.mark.parametrize("times", [-1, -2_000_000, -(10**15)])
def test_a_repeat_below_0_is_that_alone_and_no_network_too_large(times: int) -> None:
    (found,) = check(f"param n = {-times}\nINPUT 8 -> ( FC 8 -> RELU ) x{{0 - n}} -> FC 2\n")
    assert found.code == "invalid-argument"
    assert f"a repeat is a whole number from 0, not {times}" in found.message


@pytest.mark.parametrize(("value", "error"), [(math.nan, ValueError), (math.inf, ValueError), (None, TypeError)])
def test_a_param_that_no_program_can_say_is_refused(value: float, error: type[Exception]) -> None:
    with pytest.raises(error, match="a param is"):
        netdsl.loads("param w = 3\nINPUT 8 -> FC w\n", w=value)


@pytest.mark.parametrize("dims", [(), (0,), (-1,), (2.5,)])
def test_dims_that_no_input_can_have_are_refused(dims: tuple[int, ...]) -> None:
    with pytest.raises(netdsl.NetError) as caught:
        netdsl.loads("INPUT 4 -> FC 3", inputs=dims)
    assert [found.code for found in caught.value.diagnostics] == ["invalid-argument"]


def test_a_missing_file_is_sought_by_its_stem(tmp_path: Path) -> None:
    for name in ("units.net", "residual_units.net", "a.net"):
        (tmp_path / name).write_text("block unit() = RELU\n")

    def help(used: str) -> str:
        with pytest.raises(netdsl.NetError) as caught:
            netdsl.loads(f'use "{used}"\nINPUT 8', name=tmp_path / "main.net")
        return caught.value.diagnostics[0].help

    assert help("unit.net") == help("unit") == help("units.nte") == "did you mean units.net?"
    assert help("residual_unit.net") == "did you mean residual_units.net?"
    assert help("b.net") == help("x.net") == help("zoo.net") == ""


def test_a_string_is_called_one() -> None:
    for text in ('INPUT 8x8x1 -> CONV "64" 3', 'param n = "64"\nINPUT 8x8x1 -> CONV n 3'):
        (found,) = check(text)
        assert found.message.endswith('"64" is a string')
        assert found.help == "numbers stand without quotes: 64"


def test_dims_without_a_name_belong_to_the_only_input() -> None:
    with pytest.raises(netdsl.NetError, match="the network has 2 inputs: a, b"):
        netdsl.loads("a: INPUT 8\nb: INPUT 8\n[ a | b ] -> ADD", inputs=(4,))


def test_the_most_that_can_be_reflected_is_one_less_than_there_is() -> None:
    (found,) = check("INPUT 8x8x4 -> PAD 8 mode=reflect")
    assert "7 is the most" in found.help
    assert check("INPUT 8x8x4 -> PAD 7 mode=reflect") == []


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("CONV 3 64 3", "3 is one argument more than CONV takes"),
        ("FC 3 4", "4 is one argument more than FC takes"),
        ("MAXPOOL 2 2 s2", "2 is one argument too many for MAXPOOL"),
    ],
)
def test_one_value_too_many_is_called_one(layer: str, says: str) -> None:
    assert check(f"INPUT 8x8x3 -> {layer}")[0].message == says


def test_values_too_many_are_told_together_where_one_fix_is_for_all() -> None:
    (found,) = check("INPUT 8 8 3 -> CONV 4 3")
    assert (found.message, found.span.text) == ("8 3 is more than INPUT takes", "8 3")


def test_claims_count_the_nodes_that_each_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "INPUT 8 -> a: (FC 8) x10 -> b: (FC 8) x10 -> c: (FC 8) x10\n"
    claims = [f"expect params of {name} = 720\n" for name in "cba"]
    monkeypatch.setattr(expect, "_MOST", 20)
    assert check(text + "".join(claims[:2])) == []
    (found,) = check(text + "".join(claims))
    assert (found.code, found.message) == ("limit-exceeded", "claims count more than 20 nodes in all")
