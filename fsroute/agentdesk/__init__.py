"""What agents do by telephone: dialled feature codes, a PIN, and what they hear of it."""
