"""The agent at the site: readers and devices in, reduction, spool, uplink, signals out."""
