#!/usr/bin/env python3
"""Compares bench_ssr with Debian's Jinja2 on the same pages: run.py BENCH_SSR [ROUNDS] [SECONDS]

Rounds alternate between the two; the medians of renders per second of processor time count. The pages have to be equal byte for byte.
"""
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main(bench, rounds=5, seconds=1.0):
    templates = os.path.join(HERE, "templates")
    with tempfile.TemporaryDirectory() as folder:
        context = os.path.join(folder, "context.json")
        with open(context, "wb") as out:
            out.write(subprocess.check_output(["/usr/bin/python3", os.path.join(HERE, "make_context.py")]))
        jinja = ["/usr/bin/python3", os.path.join(HERE, "bench_jinja.py"), templates, context]
        ours = [bench, templates, context]
        page = subprocess.check_output(ours + ["0"])
        if page != subprocess.check_output(jinja + ["0"]):
            sys.exit("the pages differ")
        results = {"ours": [], "jinja": []}
        for _ in range(int(rounds)):
            results["ours"].append(float(subprocess.check_output(ours + [str(seconds)], stderr=subprocess.DEVNULL)))
            results["jinja"].append(float(subprocess.check_output(jinja + [str(seconds)])))
    mine, theirs = (statistics.median(results[name]) for name in ("ours", "jinja"))
    print(f"page {len(page)} bytes; ours {mine:.0f}, Jinja2 {theirs:.0f} renders per CPU second, "
          f"ratio {mine / theirs:.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
