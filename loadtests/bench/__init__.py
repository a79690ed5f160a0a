"""Benches: `python -m loadtests.bench NAME`. Each is a file with one function, `run`.

They start what they need themselves, on loopback, for a bounded time, and stop it all.
"""
