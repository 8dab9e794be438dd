"""What the ledger tells: readers of the append-only events, a pure middle and one module with I/O."""
