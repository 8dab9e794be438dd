"""Who may serve whom, and in which order: pure."""
