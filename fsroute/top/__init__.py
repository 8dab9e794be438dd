"""``fsroute top``: `reading.py` (rows), `picture.py` (values), `view.py` (what keys do; pure), `drawing.py` (lines of text;
pure), `terminal.py` (the terminal, and how it is given back).
"""
