"""The coordination center: decides in memory, reserves in SQL."""
