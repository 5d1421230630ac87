"""The Golden Ratio year 2025: one fictional company whose every figure is known in advance.

Pure and deterministic: calling anything here twice gives equal values. The year is told through
the doors real data comes through, one module per door:

- :mod:`sandbox.golden.files`: the CSV files an administrator imports;
- :mod:`sandbox.golden.facts`: what a partner system posts to ``/v1/facts``;
- :mod:`sandbox.golden.crm`: HubSpot contacts and deals;
- :mod:`sandbox.golden.social`: LinkedIn statistics of the page and of the members;
- :mod:`sandbox.golden.web`: Google Analytics sessions.
"""
