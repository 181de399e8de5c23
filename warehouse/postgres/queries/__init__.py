"""What others may ask of the warehouse: asynchronous reads of what was committed, as plain values.

Pages are by key, never by offset: a function takes the key of the last row shown (`after` or `before`) and a limit.
"""
