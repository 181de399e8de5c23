"""The domain: site, EPC, documents, stock ledger, locations, tasks. Knows nothing of readers, streams or HTTP."""
