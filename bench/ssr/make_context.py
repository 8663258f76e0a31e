#!/usr/bin/env python3
"""Writes the benchmark's context: 100 news items with three tags each, always the same."""
import json
import random

WORDS = ("market council river bridge election harbour library museum railway forest minister garden "
         "theatre summer winter report village school doctor engine island castle science music").split()
random.seed(7)


def words(count):
    return " ".join(random.choice(WORDS) for _ in range(count))


def item(number):
    title = words(6).capitalize()
    if number % 4 == 0:
        title = f'{title} & "{words(1)}"'
    return {
        "id": 10000 + number,
        "slug": title.lower().replace(" ", "-").replace("&", "and").replace('"', ""),
        "title": title,
        "summary": f"{words(25).capitalize()}, <{words(1)}> & {words(8)}: it's {words(6)}.",
        "image": f"/images/{number}-640.webp" if number % 2 else None,
        "author": words(2).title(),
        "author_id": number % 17,
        "created": f"2026-01-{number % 28 + 1:02}T{number % 24:02}:00:00Z",
        "date": f"{number % 28 + 1} January 2026",
        "category": words(1).title(),
        "category_slug": words(1),
        "comments": number * 7 % 101,
        "tags": [words(1), words(1) + " & co", words(1)],
    }


print(json.dumps({
    "site": {"name": "The Daily <Bench>", "slogan": "All the news & more", "footer": "© The Daily Bench"},
    "title": "Latest news",
    "news": [item(i) for i in range(100)],
}))
