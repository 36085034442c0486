"""What the made-up vocabulary is made of: characters of many scripts, and a little English.

A row of SCRIPTS is a share of the merges and ranges of code points, with the frequent ones first; a
merge joins pieces of one script. Characters of no row are spelled in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Ranges: TypeAlias = Sequence[tuple[int, int]]

LETTERS = "etaoinsrhldcumfpgywbvkxjqz"
CAPITALS = "STAICPMRDNLBEOFHGWUVKJYXQZ"
SIGNS = """.,-)(:'"/_=;>{}<*$]+[#&!?^%|`@~\\\t"""
DIGITS = "0123456789"

# In this order: so merged, each is a chain of merges before it.
BIGRAMS = (
    "in er on he re en at or es an it is al ar le ou nd ed ic as ro et ct st om il am id im ut ol"
    " ac ad ig ur ot ve se ly ch ul em ag ir if os ce od ith th ver ab um un ra ri us pp ist ow ay"
    " qu"
)
ENDINGS = "ing ion ation ent ers ment ness able ction ter ess ant ical ally tion ity ive ous ful"
WORDS = (
    "the of and to in is that for it with as was on be at by are this from or have an not you which"
    " we can all has more their one will so its model time weight text token query document search"
    " result task title none if when there been other would what about into than only first some"
    " new two may these such then no out up they who my your but his her were had do said each how"
    " she many way could people number great number state system world year work between under last"
    " never same another while place right old too does tell small every large must even here again"
    " own high home house point school thing night city country water company group problem fact"
    " answer code answering question checking classification clustering sentence similarity"
    " retrieval embedding memory machine learning data language word value function class return"
)
CODE = "();  (); == != += -> => :: // /* */ ## ** -- __ </ /> {} [] () }; }) ]) ), \": ', .. ..."

SCRIPTS: Sequence[tuple[int, Ranges]] = (
    (12, [(0xE0, 0xFF), (0xC0, 0xDF), (0x100, 0x17F), (0xA1, 0xBF), (0x1EA0, 0x1EF9)]),  # Latin
    (12, [(0x430, 0x44F), (0x451, 0x45F), (0x410, 0x42F), (0x490, 0x493)]),  # Cyrillic
    (3, [(0x3B1, 0x3C9), (0x3AC, 0x3AF), (0x391, 0x3A1), (0x3A3, 0x3A9)]),  # Greek
    (3, [(0x5D0, 0x5EA), (0x5B0, 0x5BC)]),  # Hebrew
    (7, [(0x627, 0x63A), (0x641, 0x652), (0x67E, 0x67E), (0x686, 0x686), (0x6A9, 0x6AF)]),  # Arabic
    (6, [(0x915, 0x939), (0x93E, 0x94D), (0x905, 0x914), (0x901, 0x903), (0x964, 0x965)]),
    (3, [(0x995, 0x9A8), (0x9AA, 0x9B0), (0x9BE, 0x9C4), (0x985, 0x98C)]),  # Bengali
    (3, [(0xB95, 0xB95), (0xB99, 0xB9A), (0xBA3, 0xBA4), (0xBA8, 0xBAA), (0xBAE, 0xBB9)]),  # Tamil
    (3, [(0xE01, 0xE3A), (0xE40, 0xE4E)]),  # Thai
    (2, [(0x10D0, 0x10F0)]),  # Georgian
    (2, [(0x561, 0x586), (0x531, 0x556)]),  # Armenian
    (6, [(0x3041, 0x3096), (0x30A1, 0x30FA), (0x30FC, 0x30FC)]),  # kana
    (6, [(0xAC00, 0xB2FF), (0xC544, 0xD0FF)]),  # Hangul: not all of it
    (20, [(0x4E00, 0x6BFF), (0x7000, 0x77FF), (0x3001, 0x3003), (0xFF0C, 0xFF1F)]),  # Han: the same
    (1, [(0x1F600, 0x1F64F), (0x2764, 0x2764), (0x200D, 0x200D), (0xFE0F, 0xFE0F)]),  # emoji
    (1, [(0x2010, 0x2027), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x20A0, 0x20BF)]),  # signs
    (1, [(0x300, 0x314), (0x250, 0x2AF)]),  # combining marks, phonetic letters
)
ENGLISH = 30  # the same for pieces of English
FEW = "éüñßдеи中日あ한العก😀\u0301\u200d"  # all that a small vocabulary has besides ASCII
UNUSED = 6144  # control tokens at the end, as many as Gemma has within some percent

# Tags that text is cut at wherever they stand: pieces of their own, as Gemma has them.
TAGS = (
    "<table> <caption> <thead> <tbody> <tfoot> <tr> <th> <td> </table> </caption> </thead> </tbody>"
    " </tfoot> </tr> </th> </td> <h1> <h2> <h3> <h4> <h5> <h6> <blockquote> </h1> </h2> </h3> </h4>"
    " </h5> </h6> </blockquote> <strong> <em> <b> <i> <u> <s> <sub> <sup> <code> </strong> </em>"
    " </b> </i> </u> </s> </sub> </sup> </code>"
)
FEW_TAGS = "<table> </table> <h1> </h1> <code> </s>"
