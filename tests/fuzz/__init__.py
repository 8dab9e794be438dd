"""Fuzzers: what a peer, a file or an operator can send is changed at random, and nothing but a refusal may come of it.

``tests/fuzz/targets`` has one module for each. In tests each runs for a fixed budget; by hand as long as one likes::

    python -m tests.fuzz --target esl --seconds 600 --seed 7

A finding is an error that is no refusal, a property that does not hold, an input that takes too long, or one that
takes much memory. It is saved to ``tests/fuzz/cases/TARGET``, where every test run plays it again.
"""
