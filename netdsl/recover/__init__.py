"""A network of any origin as the program that an author would have written: chains, forks, repeats and blocks.

text(shaped)     the program
same(one, other) which node of one network is which of another, if they are equal
"""

from netdsl.recover.concats import nested
from netdsl.recover.entry import text
from netdsl.recover.same import Difference, compared, same

__all__ = ["Difference", "compared", "nested", "same", "text"]
