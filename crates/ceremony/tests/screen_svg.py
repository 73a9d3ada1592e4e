"""Draws a terminal's screen for docs/images: `tmux capture-pane -e -p | python3 screen_svg.py TITLE > ceremony-NAME.svg`."""

import re
import sys
from html import escape

COLUMNS, WIDTH, HEIGHT, MARGIN = 80, 8.4, 18, 14
PAPER, INK, FAINT = "#16181d", "#e6e6e6", "#8b919c"
SGR = re.compile(r"\x1b\[([0-9;]*)m")


def runs(line, style):
    """Pieces of one line with the styles (1 bold, 2 faint, 7 reversed) that hold there; a line begins as the last one ended."""
    pieces = SGR.split(line)
    column = 0
    for text, codes in zip(pieces[::2], [*pieces[1::2], None]):
        if text:
            yield column, text, set(style)
            column += len(text)
        for code in (codes.split(";") if codes is not None else []):
            if code in ("", "0"):
                style.clear()
            elif code in ("1", "2", "7"):
                style.add(int(code))


def svg(screen, title):
    lines = screen.rstrip("\n").split("\n")
    wide, high = 2 * MARGIN + COLUMNS * WIDTH, 2 * MARGIN + len(lines) * HEIGHT
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high}" role="img" aria-label="{escape(title)}"'
    yield ' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">'
    yield f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>'
    style = set()
    for row, line in enumerate(lines):
        for column, text, held in runs(line, style):
            x, y, long = MARGIN + column * WIDTH, MARGIN + row * HEIGHT, len(text) * WIDTH
            if 7 in held:
                yield f'<rect x="{x:g}" y="{y}" width="{long:g}" height="{HEIGHT}" fill="{INK}"/>'
            ink = PAPER if 7 in held else FAINT if 2 in held else INK
            bold = ' font-weight="bold"' if 1 in held else ""
            # Each group of words has its own place, since viewers join spaces.
            for words in re.finditer(r"\S+(?: \S+)*", text):
                x, long = MARGIN + (column + words.start()) * WIDTH, len(words[0]) * WIDTH
                yield f'<text x="{x:g}" y="{y + 13}" textLength="{long:g}" fill="{ink}"{bold}>{escape(words[0])}</text>'
    yield "</svg>"


if __name__ == "__main__":
    print("\n".join(svg(sys.stdin.read(), sys.argv[1])))
