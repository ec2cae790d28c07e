#!/usr/bin/env python3
"""What nnrp-py 1.0.0rc2 says of golden files, for golden_reference_test.ts.

Reads a JSON list of texts on standard input; writes {"export": …, "read": […]}: its own export, and for each text what it
writes after reading it, null where it refuses.
"""
import json
import sys

from nnrp.tools import parse_cross_language_golden_vectors_json as parse
from nnrp.tools import render_cross_language_golden_vectors_json as render


def again(text):
    try:
        return render(parse(text))
    except ValueError:
        return None


json.dump({"export": render(), "read": [again(text) for text in json.load(sys.stdin)]}, sys.stdout)
