"""`python -m tagledger`: the same as the `tagledger` command."""

from tagledger.cli import main

main()
