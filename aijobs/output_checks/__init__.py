"""What every answer is held to before it is stored, whoever gave it: see `review`."""
