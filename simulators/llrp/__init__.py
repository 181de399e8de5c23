"""An LLRP reader as a TCP server: `server.ReaderSimulator` over the pure `machine.ReaderMachine`."""
