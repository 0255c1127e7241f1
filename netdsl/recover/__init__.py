"""A network of any origin as the program that an author would have written: chains, forks, repeats and blocks.

text(shaped)     the program
recovered(shaped) the same with what it makes, and which node is which
listed(shaped)   likewise its flat form, a line for each layer
same(one, other) which node of one network is which of another, if they are equal
"""

from netdsl.recover.concats import nested
from netdsl.recover.entry import Recovered, listed, recovered, text
from netdsl.recover.same import Difference, compared, same

__all__ = ["Difference", "Recovered", "compared", "listed", "nested", "recovered", "same", "text"]
