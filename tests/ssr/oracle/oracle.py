#!/usr/bin/env python3
"""Renders a corpus with Jinja2 and with this engine and compares.

    oracle.py DRIVER FILE.jsonl...

Each line is {"template": source, "templates": {name: source}, "context": {...}, "options": {...}};
all but "template" may be missing. Outputs have to be equal byte for byte, and errors have to fall on
the same entries. An entry with "differs": "reason" is a difference that docs/templates.md lists: it
is rendered, must not crash, and has to differ.
"""
import json
import subprocess
import sys

import jinja2

UNDEFINED = {
    "default": jinja2.Undefined,
    "chainable": jinja2.ChainableUndefined,
    "debug": jinja2.DebugUndefined,
    "strict": jinja2.StrictUndefined,
}


def render(entry):
    options = entry.get("options", {})
    sources = dict(entry.get("templates", {}))
    sources["main.html"] = entry["template"]
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=options.get("autoescape", False),
        trim_blocks=options.get("trim_blocks", False),
        lstrip_blocks=options.get("lstrip_blocks", False),
        keep_trailing_newline=options.get("keep_trailing_newline", False),
        undefined=UNDEFINED[options.get("undefined", "default")],
    )
    try:
        return {"output": environment.get_template("main.html").render(**entry.get("context", {}))}
    except Exception as error:  # every kind of error counts
        return {"error": type(error).__name__, "message": str(error)}


def run_driver(driver, lines):
    result = subprocess.run([driver], input="\n".join(lines) + "\n", capture_output=True,
                            encoding="utf-8", timeout=600)
    if result.returncode != 0:
        sys.exit(f"{driver} ended with {result.returncode}:\n{result.stderr[-3000:]}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def explain(where, entry, theirs, ours):
    print(f"--- {where}")
    print(f"  template: {entry['template']!r}")
    for name, answer in (("Jinja2", theirs), ("ours", ours)):
        print(f"  {name:8}: {answer.get('output', answer)!r}")


def main(driver, *files):
    entries = []
    for name in files:
        with open(name, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    entries.append((f"{name}:{number}", json.loads(line)))
    answers = run_driver(driver, [json.dumps(entry) for _, entry in entries])
    if len(answers) != len(entries):
        sys.exit(f"{len(entries)} entries, but {len(answers)} answers")
    wrong = 0
    for (where, entry), ours in zip(entries, answers):
        theirs = render(entry)
        same = ("error" in theirs and "error" in ours) or (
            "output" in theirs and theirs.get("output") == ours.get("output"))
        if same == ("differs" in entry):
            wrong += 1
            explain(where, entry, theirs, ours)
    listed = sum("differs" in entry for _, entry in entries)
    print(f"{len(entries)} entries, {listed} listed differences, {wrong} wrong; "
          f"Jinja2 {jinja2.__version__}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
