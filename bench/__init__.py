"""Benchmarks: every figure is a ratio to an anchor measured in the same run.

``python -m bench`` prints a table and writes ``bench/results.json``; docs/performance.md explains.
"""
