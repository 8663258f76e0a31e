#!/usr/bin/env python3
"""Jinja2's side: prints renders of list.html per second of processor time. bench_jinja.py TEMPLATES CONTEXT SECONDS"""
import json
import sys
import time

import jinja2

folder, context, seconds = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8")), float(sys.argv[3])
environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), auto_reload=False,
                                 autoescape=jinja2.select_autoescape())
template = environment.get_template("list.html")
if seconds == 0:
    sys.stdout.write(template.render(**context))
    sys.exit()
template.render(**context)
count, start = 0, time.process_time()
while time.process_time() - start < seconds:
    template.render(**context)
    count += 1
print(count / (time.process_time() - start))
