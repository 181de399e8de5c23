"""LLRP 1.0.1 and 1.1: description, codec, framing, client drivers."""
