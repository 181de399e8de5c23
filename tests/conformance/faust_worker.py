"""A Faust worker as a process of its own, on the traffic site: DSN BROKER GROUP PARTITIONS WORKDIR."""

import sys

from stream.faust_host import FaustHost, FaustSettings, run_worker
from tests.stream.traffic import site

if __name__ == "__main__":
    dsn, broker, group, partitions, workdir = sys.argv[1:]
    settings = FaustSettings(broker, group=group, prefix=group, partitions=int(partitions))
    run_worker(FaustHost(site(), dsn, settings), workdir)
