"""Two kinds of picture as SVG, both axes logarithmic: latency by percentile, cost by size."""
import math
from xml.sax.saxutils import escape

COLOURS = ["#0b6e4f", "#c84630", "#2e5eaa", "#b8860b", "#7b2d8b", "#4a4a4a", "#00a6c8", "#d47fa6"]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 70, 200, 40, 50


def _ticks(low, high):
    """1, 10, 100 … that lie between; with 2 and 5 when there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    return [10.0 ** e * s for e in range(first, last + 1) for s in steps if low <= 10.0 ** e * s <= high]


def short(value):
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def lines(title, x_name, y_name, series, x_ticks=None):
    """`series`: name -> [(x, y)]; all values above 0. `x_ticks`: [(x, text)]."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_low, x_high, y_low, y_high = min(xs), max(xs), min(ys) / 1.3, max(ys) * 1.3
    x_high = x_high if x_high > x_low else x_low * 10

    def place(x, y):
        across = (math.log(x) - math.log(x_low)) / (math.log(x_high) - math.log(x_low))
        up = (math.log(y) - math.log(y_low)) / (math.log(y_high) - math.log(y_low))
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>']
    for value in _ticks(y_low, y_high):
        _, y = place(x_low, value)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>')
    for value, text in x_ticks or [(v, short(v)) for v in sorted(set(xs))]:
        if not x_low <= value <= x_high:
            continue
        x, _ = place(value, y_low)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(text)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_name)}</text>')
    out.append(f'<text x="16" y="{HEIGHT / 2}" transform="rotate(-90 16 {HEIGHT / 2})" text-anchor="middle">'
               f'{escape(y_name)}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        dashes = ' stroke-dasharray="6 4"' if number >= len(COLOURS) else ""
        path = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in sorted(points))
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{3 if number == 0 else 1.5}"{dashes}/>')
        for x, y in points if len(points) <= 12 else []:
            out.append('<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>'.format(*place(x, y), colour))
        y = TOP + 10 + number * 18
        out.append(f'<path d="M{WIDTH - RIGHT + 12} {y - 4}h18" stroke="{colour}" stroke-width="3"{dashes}/>')
        out.append(f'<text x="{WIDTH - RIGHT + 36}" y="{y}">{escape(name)}</text>')
    return "\n".join([*out, "</svg>", ""])


def percentile_curve(title, series):
    """`series`: name -> [(percent, ns)]. The axis is 1 / (1 - p), so that every nine takes as much room."""
    def odds(percent):
        return 1 / (1 - min(percent, 99.999) / 100)
    ticks = [(odds(p), f"{p:g} %") for p in (50, 90, 99, 99.9, 99.99)]
    curves = {name: [(odds(p), max(ns, 1) / 1000) for p, ns in points if 50 <= p <= 99.99]
              for name, points in series.items()}
    return lines(title, "percentile", "µs", curves, ticks)
