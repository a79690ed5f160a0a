"""A whole lender driven at random against a sandbox at its worst. One seed is one run.

    python -m tests.simulation --events 20000 --borrowers 200 --seed 7

world.py       PostgreSQL, the sandbox, the lender's code, and one clock for all of them
events.py      what borrowers, staff, workers and bad luck do
oracle.py      what a loan must owe, read plainly from the documents
invariants.py  what must hold at every moment, and what at the end
"""
