"""Materialises secrets: fetches them from secret stores, maps their keys, writes files and env files.

This package root holds the version and nothing else: importing it must cost nothing, because every start of the
program pays for it. The public plugin API is `secretfetch.provider`, the test kit for plugins `secretfetch.testing`.
"""

__version__ = "0.1.0"
