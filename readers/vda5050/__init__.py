"""VDA 5050: one model of its messages, two wire dialects (2.1 and 3.0), and the rules of orders as values.

`order`, `state`, `connection` and `factsheet` are the model, named by 3.0; `dialect` says how 2.1 spells it; `codec`
and `topics` are the wire; `orders` holds what a vehicle takes, `plan` what a master may send. Nothing here does I/O.
"""
