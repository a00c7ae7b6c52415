"""Cuts the fonts of PNG pictures out of their originals.

    pip install fonttools
    python assets/font/make_fonts.py JetBrainsMono-Regular.ttf JetBrainsMono-Bold.ttf DejaVuSansMono.ttf

The originals (licences in OFL.txt and DejaVu.txt beside this file): https://github.com/JetBrains/JetBrainsMono (2.242)
and https://github.com/dejavu-fonts/dejavu-fonts (2.37). What is left: Latin, Greek and Cyrillic with the signs that an
interface and a formula need; symbols that JetBrains Mono lacks come from DejaVu Sans Mono. No hinting, no ligatures:
cells are drawn one by one.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

LETTERS = [(0x20, 0x7E), (0xA0, 0x17F), (0x18F, 0x18F), (0x192, 0x192), (0x1A0, 0x1A1), (0x1AF, 0x1B0), (0x218, 0x21B),
           (0x300, 0x30C), (0x323, 0x328), (0x370, 0x3FF), (0x400, 0x45F), (0x490, 0x491), (0x1E80, 0x1EF9)]
SIGNS = [(0x2C6, 0x2DD), (0x2010, 0x2027), (0x2030, 0x205E), (0x2070, 0x209C), (0x20A0, 0x20BF), (0x2100, 0x214F),
         (0x2150, 0x215F), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2300, 0x23FF), (0x2400, 0x2426), (0x2500, 0x257F),
         (0x2591, 0x2593), (0x25A0, 0x25FF), (0x2600, 0x266F), (0x2713, 0x271D), (0x27E8, 0x27E9), (0x2B05, 0x2B55),
         (0xFB01, 0xFB02), (0xFFFD, 0xFFFD)]


def characters(ranges):
    return {code for first, last in ranges for code in range(first, last + 1)}


def cut(source, wanted, target):
    # The file's own date stays: the same originals give the same bytes.
    font = TTFont(source, recalcTimestamp=False)
    options = Options()
    options.hinting = False
    options.layout_features = []
    options.name_IDs = [0, 1, 2, 5, 13, 14]
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted & set(font.getBestCmap()))
    subsetter.subset(font)
    font.save(target)
    return set(font.getBestCmap())


def main(regular, bold, more):
    folder = Path(__file__).parent
    wanted = characters(LETTERS) | characters(SIGNS)
    there = cut(regular, wanted, folder / "JetBrainsMono-Regular.subset.ttf")
    cut(bold, wanted, folder / "JetBrainsMono-Bold.subset.ttf")
    cut(more, characters(SIGNS) - there, folder / "DejaVuSansMono.subset.ttf")


if __name__ == "__main__":
    main(*sys.argv[1:])
